/** Replaces `node:diagnostics_channel` on edge runtimes: nobody can subscribe. */

export function channel(_name: string) {
  return { hasSubscribers: false, publish: (_message: unknown) => undefined };
}
