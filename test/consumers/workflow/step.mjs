// One step of a workflow in a process of its own: restores the model and starts its video.
import { fileJournal, KLING_O3_STD, WaveSpeedKling } from 'wavespeed-kling';
import { createWaveSpeedKling, registerClient } from 'wavespeed-kling/ai-sdk';

const idempotency = { leaseMs: 500, settleMs: 500 };
const journal = fileJournal('journal.jsonl');
registerClient('main', new WaveSpeedKling({ journal, idempotency, requestTimeoutMs: 2000 }));
const { constructor: Model } = createWaveSpeedKling({ specificationVersion: 'v4' }).video(KLING_O3_STD);
const model = Model[Symbol.for('workflow-deserialize')]({ modelId: KLING_O3_STD, client: 'main' });
const { operation } = await model.doStart({
  prompt: 'A fox',
  n: 1,
  duration: 3,
  providerOptions: {},
  headers: { 'idempotency-key': `aisdk_workflow_video_${process.argv[2]}` },
});
console.log(operation.id);
