/** Errors of object storage: XML, without the envelope of the API. */
import { textResponse, type WireResponse } from '../network/wire.js';

/** Creates an error of object storage. */
export function storageError(status: number, code: string, message: string): WireResponse {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return textResponse(status, xml, 'application/xml');
}

/** Rejects an API key that was sent to storage or CDN. */
export function rejectKey(): WireResponse {
  return storageError(
    400,
    'InvalidArgument',
    'Only one auth mechanism allowed; remove the Authorization header.',
  );
}
