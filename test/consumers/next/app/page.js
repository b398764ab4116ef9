'use client';

import { klingO3StdInputSchema } from 'wavespeed-kling/schemas';

export default function Page() {
  return <p>{klingO3StdInputSchema.parse({ prompt: 'A fox' }).duration} seconds</p>;
}
