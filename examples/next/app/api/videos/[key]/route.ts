/** GET /api/videos/<key>: one look at a video, for the page that shows it. */
import { readStatus } from '../../../../lib/videos';

export async function GET(_: Request, { params }: { params: Promise<{ key: string }> }): Promise<Response> {
  const status = await readStatus((await params).key);
  return status === undefined
    ? Response.json({ error: 'No such key.' }, { status: 404 })
    : Response.json(status);
}
