/** Which HTTP statuses are transient. `http/retry.ts` decides what is repeated, `error.retry` what a program can do. */
export function isTransientStatus(status: number): boolean {
  // 408 Request Timeout: the server did not wait for the whole request.
  // 425 Too Early: the server asks for the same request again.
  // 429 Too Many Requests.
  // 5xx: the server failed, or a gateway did not reach it.
  // Not 400, 402, 409, 422: the service refused, and will again. Not 401, 403: somebody must fix the key.
  return status === 408 || status === 425 || status === 429 || status >= 500;
}
