// An application that pins zod 4.0.0, combines its schemas with the package's, and emits declarations.
import { readdirSync, readFileSync } from 'node:fs';
import { WaveSpeedKling } from 'wavespeed-kling';
import { klingO3StdInputObject, klingO3StdInputSchema } from 'wavespeed-kling/schemas';
import * as z from 'zod';
import { makeVideo } from './make-video.mjs';

export const job = z.object({ user: z.string(), input: klingO3StdInputSchema });
export const form = klingO3StdInputObject.extend({ consent: z.literal(true) });
export type Job = z.infer<typeof job>;

const parsed: Job = job.parse({ user: 'u', input: { prompt: 'A fox' } });
if (parsed.input.duration !== 5) throw new Error('the default is missing');
if (form.safeParse({ prompt: 'A fox' }).success) throw new Error('consent is missing');
const installed = readdirSync('node_modules/wavespeed-kling').includes('node_modules');
const { version } = JSON.parse(readFileSync('node_modules/zod/package.json', 'utf8')) as { version: string };
if (installed || version !== '4.0.0') throw new Error('there is a second zod');
await makeVideo(new WaveSpeedKling());
