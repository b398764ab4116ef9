'use client';

import { useActionState, useEffect, useState } from 'react';
import { makeVideo } from './actions';

/** Made in the browser and kept until the video is there. A key from a prerendered page would be the same for all visitors. */
function useKey(): string | undefined {
  const [key, setKey] = useState<string>();
  useEffect(() => {
    const kept = sessionStorage.getItem('key') ?? crypto.randomUUID();
    sessionStorage.setItem('key', kept);
    setKey(kept);
  }, []);
  return key;
}

export default function Page() {
  const key = useKey();
  const [problem, submit, isBusy] = useActionState(makeVideo, undefined);
  return (
    <main>
      <h1>Make a video</h1>
      <form action={submit}>
        <input type="hidden" name="key" value={key ?? ''} />
        <label>
          Prompt <input name="prompt" required defaultValue="A fox in the snow" />
        </label>{' '}
        <button disabled={isBusy || key === undefined}>Make</button>
      </form>
      <p role="status">{problem}</p>
    </main>
  );
}
