// References of `generateVideo`: where each goes, by its content.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sampleVideo } from 'wavespeed-kling/testing';
import { majors, setup } from './support.js';

const photo = new Uint8Array(readFileSync(new URL('../../examples/images/front.jpg', import.meta.url)));
const head = (hex: string, text = '') =>
  new Uint8Array(Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from(text, 'latin1'), Buffer.alloc(256)]));
const webm = head('1a45dfa387428284', 'webm');
const container = (brand: string) => head('00000018', `ftyp${brand}\0\0\0\0isommp42`);
const avi = head('', 'RIFF\x24\0\0\0AVI LIST');
const flv = head('', 'FLV\x01\x05\0\0\0\x09\0\0\0\0');
const URL_IMAGE = 'https://example.com/front.png';

describe.each(majors)('$ai references', ({ generateVideo }) => {
  test('passes on prompt.image and inputReferences, in this order', async () => {
    const { emulator, kling, model, bodies } = await setup();
    const { warnings } = await generateVideo({
      model,
      prompt: { image: URL_IMAGE, text: 'A fox' },
      inputReferences: [
        photo,
        'https://example.com/side.webp?token=1',
        'https://example.com/walk.MP4?token=1',
      ],
      download: kling.download,
    });
    const [body] = bodies();
    expect(body?.prompt).toBe('A fox');
    expect(body?.images).toEqual([
      URL_IMAGE,
      expect.stringMatching(/^http:\/\/127/),
      'https://example.com/side.webp?token=1',
    ]);
    expect(body?.video).toBe('https://example.com/walk.MP4?token=1');
    expect(emulator.uploads).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  test('uses frame images as references, with a warning', async () => {
    const { kling, model, bodies } = await setup();
    const { warnings } = await generateVideo({
      model,
      prompt: 'A fox',
      frameImages: [
        { image: URL_IMAGE, frameType: 'first_frame' },
        { image: 'https://example.com/last.png', frameType: 'last_frame' },
      ],
      download: kling.download,
    });
    expect(bodies()[0]?.images).toEqual([URL_IMAGE, 'https://example.com/last.png']);
    expect(warnings).toMatchObject([{ type: 'compatibility', feature: 'frameImages' }]);
  });

  test('keeps prompt.image with a last frame alone', async () => {
    const { kling, model, bodies } = await setup();
    await generateVideo({
      model,
      prompt: { image: URL_IMAGE, text: 'A fox' },
      frameImages: [{ image: 'https://example.com/last.png', frameType: 'last_frame' }],
      download: kling.download,
    });
    expect(bodies()[0]?.images).toEqual([URL_IMAGE, 'https://example.com/last.png']);
  });

  test.each([
    ['bytes', photo],
    ['base64', Buffer.from(photo).toString('base64')],
    ['a data URL', `data:image/jpeg;base64,${Buffer.from(photo).toString('base64')}`],
    ['a data URL of a wrong type', `data:video/mp4;base64,${Buffer.from(photo).toString('base64')}`],
    ['bytes of a declared wrong type', { data: photo, mediaType: 'video/mp4' }],
  ])('uploads an image given as %s', async (_, reference) => {
    const { emulator, kling, model, bodies } = await setup();
    await generateVideo({ model, prompt: 'A fox', inputReferences: [reference], download: kling.download });
    expect(emulator.uploads.map((upload) => upload.size)).toEqual([photo.length]);
    expect(bodies()[0]?.images).toHaveLength(1);
    expect(bodies()[0]).not.toHaveProperty('video');
  });

  test.each([
    ['WebM', webm],
    ['MP4', sampleVideo()],
    ['MOV', container('qt  ')],
    ['AVI', avi],
    ['FLV', flv],
  ])('uploads %s as the reference video', async (_, bytes) => {
    const { emulator, kling, model, bodies } = await setup();
    await generateVideo({ model, prompt: 'A fox', inputReferences: [bytes], download: kling.download });
    expect(emulator.uploads).toHaveLength(1);
    expect(bodies()[0]?.video).toMatch(/^http/);
    expect(bodies()[0]?.images).toEqual([]);
  });

  test('takes the type of a URL without an extension from mediaType', async () => {
    const { kling, model, bodies } = await setup();
    const url = 'https://example.com/media/1';
    const inputReferences = [url, { data: `${url}2`, mediaType: 'video/mp4' }];
    await generateVideo({ model, prompt: 'A fox', inputReferences, download: kling.download });
    expect(bodies()[0]).toMatchObject({ images: [url], video: `${url}2` });
  });

  test.each([
    ['HEIC', container('heic')],
    ['AVIF', container('avif')],
  ])('rejects %s as an image, before anything is sent', async (_, bytes) => {
    const { emulator, model } = await setup();
    const call = { model, prompt: 'A fox', inputReferences: [bytes] };
    await expect(generateVideo(call)).rejects.toMatchObject({
      name: 'InvalidInputError',
      message: expect.stringContaining('images') as string,
    });
    expect(emulator.requests).toEqual([]);
  });

  test('rejects a second video before anything is sent', async () => {
    const { emulator, model } = await setup();
    const call = { model, prompt: 'A fox', inputReferences: [webm, 'https://example.com/a.mp4'] };
    await expect(generateVideo(call)).rejects.toThrow(/got 2 videos; expected at most one/);
    expect(emulator.requests).toEqual([]);
  });

  test('uploads a file once for all videos of a call', async () => {
    const { emulator, kling, model, submits, bodies } = await setup();
    await generateVideo({ model, prompt: 'A fox', n: 3, inputReferences: [photo], download: kling.download });
    expect(emulator.uploads).toHaveLength(1);
    expect(submits()).toBe(3);
    expect(new Set(bodies().map(({ images }) => images[0])).size).toBe(1);
  });
});
