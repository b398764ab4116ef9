/** Who may ask what: this machine's own page alone, and nothing that the page did not bring with it. */
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

/** Rejects requests to another host name (DNS rebinding) and requests that another site's page sends. */
export function onlyOwnPage(): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host') ?? '';
    if (!/^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(host)) {
      return context.text('This server answers to 127.0.0.1 only.', 403);
    }
    const origin = context.req.header('origin');
    const site = context.req.header('sec-fetch-site');
    const isForeign =
      (origin !== undefined && origin !== `http://${host}`) ||
      (site !== undefined &&
        site !== 'same-origin' &&
        site !== 'none' &&
        context.req.path.startsWith('/api/'));
    if (isForeign) return context.text('Requests from other sites are not allowed.', 403);
    await next();
  };
}

/** Sets a Content-Security-Policy that allows the page's own files, and previews of chosen files. */
export function strictHeaders(): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'blob:'],
      mediaSrc: ["'self'", 'blob:'],
      connectSrc: ["'self'"],
      formAction: ["'none'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
    },
    referrerPolicy: 'no-referrer',
    strictTransportSecurity: false,
    xFrameOptions: 'DENY',
  });
}
