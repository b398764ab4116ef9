// Installed by pnpm, which hides zod from the application: the types of the exported schemas must still have names.
// pnpm installs undici 8 on every Node, which needs 22.19.
import { WaveSpeedKling } from 'wavespeed-kling';
import * as schemas from 'wavespeed-kling/schemas';
import { makeVideo } from './make-video.mjs';

export const request = schemas.klingO3StdInputSchema;
export const fields = schemas.klingO3StdInputObject;
export const all = schemas.inputSchemas;
export const prediction = schemas.predictionSchema;
export const event = schemas.webhookEventSchema;
export const model = schemas.defineModel({
  id: 'provider/model/variant',
  input: {
    prompt: schemas.field.prompt(),
    images: schemas.field.images({ max: 1 }),
    duration: schemas.field.seconds(5, 10),
  },
  price: ({ duration }) => duration * 0.1,
});

await makeVideo(new WaveSpeedKling());
