/** Shared by the media tests: servers of files and uploads, and files of every type. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type DownloadError,
  type Prediction,
  WaveSpeedKling,
  type WaveSpeedKlingOptions,
} from 'wavespeed-kling';
import { models } from 'wavespeed-kling/schemas';
import { listModels } from '../../src/testing/service/model-list.js';
import {
  type Respond,
  sendData,
  serveBodies,
  serveTcp,
  type Taken,
  type TestServer,
} from '../support/server.js';

export { sendData as json, serveBodies as serve };
export type { Respond, Taken, TestServer };

/** Answers every connection's first bytes with these, then closes it. */
export async function rawServer(...parts: (string | Buffer)[]) {
  let connections = 0;
  const url = await serveTcp((socket) => {
    connections += 1;
    socket.once('data', () => socket.end(Buffer.concat(parts.map((part) => Buffer.from(part as string)))));
  });
  return { url, connections: () => connections };
}

export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'media-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const latin = (text: string) => Buffer.from(text, 'latin1');
const riff = (form: string) => latin(`RIFF\x24\0\0\0${form}`);
const ftyp = (brand: string) => latin(`\0\0\0\x18ftyp${brand}\0\0\0\0isommp42`);
const ebml = (type: string) =>
  Buffer.concat([
    Buffer.from('1a45dfa3', 'hex'),
    Buffer.from([0x80 | (3 + type.length)]),
    Buffer.from([0x42, 0x82, 0x80 | type.length]),
    latin(type),
  ]);
export const padded = (head: Buffer, size = 256) =>
  Buffer.concat([head, Buffer.alloc(Math.max(0, size - head.byteLength))]);

export const AUDIO_STREAM = '409e69f84d5bcf11a8fd00805f5c442b';
export const VIDEO_STREAM = 'c0ef19bc4d5bcf11a8fd00805f5c442b';

/** The header of a WMV, with the properties of one stream for each type. */
export function asf(...streams: string[]): Buffer {
  const properties = (type: string) =>
    Buffer.concat([
      Buffer.from('9107dcb7b7a9cf118ee600c00c205365', 'hex'),
      Buffer.from('6000000000000000', 'hex'),
      Buffer.from(type, 'hex'),
      Buffer.alloc(0x60 - 40),
    ]);
  return Buffer.concat([
    Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'),
    Buffer.from('00010000000000000100000001020000', 'hex').subarray(0, 14),
    ...streams.map(properties),
  ]);
}

/** A page of an Ogg for the first packet of each stream. */
export const ogg = (...packets: string[]): Buffer =>
  Buffer.concat(
    packets.map((packet) =>
      Buffer.concat([latin('OggS\0\x02'), Buffer.alloc(20), Buffer.from([1, packet.length]), latin(packet)]),
    ),
  );

/** Headers of files, by their extension. */
export const samples: Record<string, { bytes: Buffer; contentType: string }> = {
  jpg: { bytes: padded(latin('\xff\xd8\xff\xe0\0\x10JFIF\0')), contentType: 'image/jpeg' },
  png: {
    bytes: padded(
      Buffer.from(
        '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000049444154',
        'hex',
      ),
    ),
    contentType: 'image/png',
  },
  webp: { bytes: padded(riff('WEBPVP8 ')), contentType: 'image/webp' },
  gif: { bytes: padded(latin('GIF89a\x01\0\x01\0')), contentType: 'image/gif' },
  bmp: { bytes: padded(latin('BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0')), contentType: 'image/bmp' },
  tiff: { bytes: padded(latin('II*\0\x08\0\0\0\0\0\0\0\0\0\0\0')), contentType: 'image/tiff' },
  mp4: { bytes: padded(ftyp('isom')), contentType: 'video/mp4' },
  mov: { bytes: padded(ftyp('qt  ')), contentType: 'video/quicktime' },
  '3gp': { bytes: padded(ftyp('3gp4')), contentType: 'video/3gpp' },
  avi: { bytes: padded(riff('AVI LIST')), contentType: 'video/x-msvideo' },
  wmv: { bytes: padded(asf(VIDEO_STREAM)), contentType: 'video/x-ms-wmv' },
  flv: { bytes: padded(latin('FLV\x01\x05\0\0\0\x09\0\0\0\0')), contentType: 'video/x-flv' },
  webm: { bytes: padded(ebml('webm')), contentType: 'video/webm' },
  mkv: { bytes: padded(ebml('matroska')), contentType: 'video/x-matroska' },
  ogv: { bytes: padded(ogg('\x80theora')), contentType: 'video/ogg' },
};

/** A unique image of this size. */
export function picture(size = 256): Buffer {
  const bytes = padded(samples.png?.bytes ?? Buffer.alloc(0), size);
  randomBytes(16).copy(bytes, Math.max(64, size - 16));
  return bytes;
}

/** A video of this size with random content. */
export function movie(size: number): Buffer {
  return Buffer.concat([ftyp('isom'), randomBytes(size - 24)]);
}

/** The upload service: a server for the API, and one for storage. */
export async function uploadService(
  options: {
    /** Responds to a PUT; by default with 200. */
    put?: Respond;
    earlyPut?: (taken: Taken, response: ServerResponse) => boolean;
    earlyApi?: (taken: Taken, response: ServerResponse) => boolean;
    /** Responds to a POST to the API; returns whether it did. */
    api?: (taken: Taken, response: ServerResponse) => boolean;
    headers?: Record<string, unknown>;
  } = {},
): Promise<{ api: TestServer; storage: TestServer; ticketHeaders: Record<string, unknown> }> {
  const { headers: ticketHeaders = { 'Content-Type': 'x/as-signed', 'x-amz-acl': 'private' } } = options;
  const storage = await serveBodies(options.put ?? ((_taken, response) => void response.end()), {
    early: options.earlyPut,
  });
  let tickets = 0;
  const respond: Respond = (taken, response) => {
    if (options.api?.(taken, response) === true) return;
    if (taken.path === '/api/v3/media/uploads') {
      tickets += 1;
      sendData(response, {
        download_url: `https://cdn.example/${tickets}.bin`,
        upload: {
          method: 'PUT',
          url: `${storage.url}/bucket/${tickets}?X-Signature=secret-${tickets}`,
          headers: ticketHeaders,
        },
      });
      return;
    }
    if (taken.path === '/api/v3/media/upload/binary') {
      sendData(response, { type: 'image', download_url: 'https://cdn.example/form.bin' });
      return;
    }
    if (taken.path === '/api/v3/models') {
      sendData(response, listModels(Object.values(models), '', {}));
      return;
    }
    if (taken.method === 'POST') {
      sendData(response, { id: 'task-1', status: 'created', outputs: [], ...JSON.parse(String(taken.body)) });
      return;
    }
    sendData(response, { id: 'task-1', status: 'completed', outputs: ['https://cdn.example/out.mp4'] });
  };
  const api = await serveBodies(respond, { early: options.earlyApi });
  return { api, storage, ticketHeaders };
}

export const KEY = 'key-that-nobody-else-may-see';

export function client(options: WaveSpeedKlingOptions = {}): WaveSpeedKling {
  // A base URL that is http and loopback, as the emulator's: downloads from such hosts are allowed.
  const kling = new WaveSpeedKling({ apiKey: KEY, baseUrl: 'http://127.0.0.1:1', ...options });
  onTestFinished(() => kling.close());
  return kling;
}

export function task(outputs: string[], id = 'task-1', status = 'completed'): Prediction {
  return {
    id,
    status,
    outputs,
    model: 'm',
    urls: {},
    has_nsfw_contents: [],
    created_at: '',
    error: '',
    timings: {},
  };
}

/** Returns what a promise rejects with. */
export const failure = async <Failure = DownloadError>(promise: Promise<unknown>): Promise<Failure> =>
  promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as Failure,
  );

type Kind = 'cut' | 'stall';

/** Serves one file, with ranges, and breaks off where `cutAfter` says. */
export async function fileServer(
  bytes: Buffer,
  options: {
    etag?: string | ((request: number) => string);
    headers?: Record<string, string>;
    ranges?: boolean;
    /** How many bytes of each response are sent, by the request's number from 1; then it is cut. */
    cutAfter?: (request: number) => number | undefined;
    kind?: Kind;
    content?: (request: number) => Buffer;
  } = {},
): Promise<TestServer> {
  const { ranges = true, kind = 'cut' } = options;
  let count = 0;
  return serveBodies((taken, response) => {
    count += 1;
    const content = options.content?.(count) ?? bytes;
    const etag = typeof options.etag === 'function' ? options.etag(count) : (options.etag ?? '"v1"');
    const headers: Record<string, string> = { 'content-type': 'video/mp4', ...options.headers };
    if (etag !== '') headers.etag = etag;
    const current = etag === '' ? headers['last-modified'] : etag;
    const start = Number(/bytes=(\d+)-/.exec(taken.headers.range ?? '')?.[1] ?? NaN);
    const partial = ranges && !Number.isNaN(start) && taken.headers['if-range'] === current;
    const body = partial ? content.subarray(start) : content;
    if (partial) headers['content-range'] = `bytes ${start}-${content.length - 1}/${content.length}`;
    headers['content-length'] = String(body.length);
    response.writeHead(partial ? 206 : 200, headers);
    const most = options.cutAfter?.(count);
    if (most === undefined || most >= body.length) response.end(body);
    else response.write(body.subarray(0, most), () => kind === 'cut' && response.destroy());
  });
}

/** A client of an upload service. */
export function uploadClient(baseUrl: string, options: WaveSpeedKlingOptions = {}): WaveSpeedKling {
  return client({ baseUrl, ...options });
}

/** Writes a file into a new directory, and returns its path. */
export function file(name: string, bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, bytes);
  return path;
}

/** Returns how many descriptors this process has open for a file. */
export const openFiles = (path: string) =>
  existsSync('/proc/self/fd')
    ? readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === path;
        } catch {
          return false;
        }
      }).length
    : 0;
