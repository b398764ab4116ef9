'use client';

import { type FormEvent, useRef, useState } from 'react';
import type { Progress } from '../lib/progress';

export default function Page() {
  const [progress, setProgress] = useState<Progress>();
  const [isBusy, setIsBusy] = useState(false);
  /** Names the video that the form asks for, until it is there. */
  const key = useRef<string>(undefined);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const prompt = new FormData(event.currentTarget).get('prompt') as string;
    key.current ??= crypto.randomUUID();
    setIsBusy(true);
    try {
      for await (const update of requestVideo(prompt, key.current)) {
        setProgress(update);
        if (update.url !== undefined) key.current = undefined;
      }
    } catch (error) {
      setProgress({ error: String(error) });
    } finally {
      setIsBusy(false);
    }
  }

  return (
    <main>
      <h1>Make a video</h1>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Prompt{' '}
          <input
            name="prompt"
            required
            defaultValue="A fox in the snow"
            onChange={() => (key.current = undefined)}
          />
        </label>{' '}
        <button disabled={isBusy}>Make</button>
      </form>
      <p role="status">{progress?.error ?? progress?.status}</p>
      {progress?.url !== undefined && <video src={progress.url} controls autoPlay muted />}
    </main>
  );
}

/** Yields the lines that the server streams. */
async function* requestVideo(prompt: string, key: string): AsyncGenerator<Progress> {
  const response = await fetch('/api/video', { method: 'POST', body: JSON.stringify({ prompt, key }) });
  if (!response.ok || response.body === null) throw new Error(`The server responded ${response.status}.`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as Progress;
  }
}
