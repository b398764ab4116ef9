// Compiled beside the newest or the last major of everything that the package can be used with.
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { http, type RequestHandler } from 'msw';
import { KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { createWaveSpeedKling } from 'wavespeed-kling/ai-sdk';
import { addKling, createKlingWorker, redisJournal } from 'wavespeed-kling/bullmq';
import { sqlJournal } from 'wavespeed-kling/sql';
import { emulatorHandlers } from 'wavespeed-kling/testing';

const connection = new Redis();
export const kling = new WaveSpeedKling({ journal: redisJournal(connection) });
export const worker = createKlingWorker('videos', kling, { connection: {} });
export const job = addKling(new Queue('videos', { connection: {} }), {
  model: KLING_O3_STD,
  input: { prompt: 'A fox' },
});
export const model = createWaveSpeedKling({ client: kling }).video(KLING_O3_STD);
export const handlers = emulatorHandlers<RequestHandler>({}, { http });
export const sql = sqlJournal(async () => [], { dialect: 'postgres' });
