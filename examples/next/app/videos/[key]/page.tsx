'use client';

import Link from 'next/link';
import { use, useEffect, useState } from 'react';
import type { Status } from '../../../lib/videos';

const ENDED = ['completed', 'failed', 'cancelled', 'timeout'];

/** Survives a reload: it needs only the key in its address. */
export default function Page({ params }: { params: Promise<{ key: string }> }) {
  const { key } = use(params);
  const [status, setStatus] = useState<Status>({ status: 'loading' });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      const response = await fetch(`/api/videos/${key}`).catch(() => undefined);
      if (response?.ok === true) {
        const seen = (await response.json()) as Status;
        setStatus(seen);
        if (ENDED.includes(seen.status)) {
          sessionStorage.removeItem('key');
          return;
        }
      }
      timer = setTimeout(() => void look(), 1000);
    };
    void look();
    return () => clearTimeout(timer);
  }, [key]);
  return (
    <main>
      <p role="status">{status.error ?? status.status}</p>
      {status.url !== undefined && <video src={status.url} controls autoPlay muted />}
      <Link href="/">Another one</Link>
    </main>
  );
}
