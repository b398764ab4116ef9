/** Errors of object storage: XML instead of the API's envelope. */
import { textResponse, type WireResponse } from '../network/wire.js';

export function storageError(status: number, code: string, message: string): WireResponse {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return textResponse(status, xml, 'application/xml');
}

export function rejectKey(): WireResponse {
  return storageError(
    400,
    'InvalidArgument',
    'Only one auth mechanism allowed; remove the Authorization header.',
  );
}
