// The edge build of the sources, loaded into a context that has what an edge runtime has, and nothing of Node.
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { edgeBuild } from '../../tsup.edge.config.js';

/** Bundles a program that imports the sources, as a bundler of an edge platform does. */
export async function bundleForEdge(source: string, minify = false): Promise<string> {
  const { outputFiles } = await build({
    ...edgeBuild,
    stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'program',
    target: 'es2022',
    minify,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

/** Names of the web platform that Workers and Next's edge runtime have. */
const WEB = [
  'AbortController',
  'AbortSignal',
  'atob',
  'Blob',
  'btoa',
  'clearInterval',
  'clearTimeout',
  'crypto',
  'CryptoKey',
  'DOMException',
  'Event',
  'EventTarget',
  'fetch',
  'File',
  'FormData',
  'Headers',
  'performance',
  'queueMicrotask',
  'ReadableStream',
  'Request',
  'Response',
  'setInterval',
  'setTimeout',
  'structuredClone',
  'TextDecoder',
  'TextEncoder',
  'TransformStream',
  'URL',
  'URLSearchParams',
];

/** Runs a program without Node's globals and returns its exports. Classes such as Error and Uint8Array are this realm's, as on an edge. */
export async function runOnEdge<Exports>(
  source: string,
  globals: Record<string, unknown> = {},
): Promise<Exports> {
  const code = await bundleForEdge(source);
  const web = Object.fromEntries(WEB.map((name) => [name, Reflect.get(globalThis, name)]));
  const realm = { Array, ArrayBuffer, Error, Map, Object, Promise, Set, TypeError, Uint8Array };
  const context = createContext({ ...web, ...realm, console, ...globals });
  return runInContext(`${code}; program`, context) as Exports;
}
