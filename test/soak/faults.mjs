// Random faults of the network and of gateways: what a service or a proxy may do to any request.

/** Service codes of an error that leave no doubt that nothing was accepted. */
const REFUSALS = [1200, 1400, 1401, 1402, 1406, 1407];
const PAGE = '<html><head><title>Gateway</title></head><body>no</body></html>';

/**
 * @param {import('./random.mjs').Random} random
 * @param {import('wavespeed-kling/testing').EmulatedTask} stranger
 */
function randomFault(random, stranger) {
  /** @type {import('wavespeed-kling/testing').Fault['kind'] | 'page' | 'refusal' | 'words'} */
  const kind = random.pick([
    'status',
    'reset',
    'hang',
    'truncate',
    'garbage',
    'not-json',
    'empty',
    'delay',
    'drip',
    'redirect',
    'data',
    'extra',
    'extra',
    'compress',
    'page',
    'refusal',
    'words',
  ]);
  switch (kind) {
    case 'status': {
      const status = random.pick([400, 402, 403, 408, 429, 429, 500, 502, 503, 504]);
      // What the service rejects in so many words, it has not accepted.
      const isOpen = status === 408 || status >= 500;
      const headers = status === 429 && random.chance(0.5) ? { 'retry-after': '0.2' } : undefined;
      return { kind, status, accepted: isOpen && random.chance(0.5), headers };
    }
    case 'reset': {
      const when = random.pick(/** @type {const} */ (['connection', 'request', 'headers', 'body']));
      const how = random.pick(/** @type {const} */ (['rst', 'fin']));
      if (when === 'connection') return { kind, when, how };
      return { kind, when, how, accepted: when === 'body' || random.chance(0.5) };
    }
    case 'hang':
      return {
        kind,
        when: random.pick(/** @type {const} */ (['headers', 'body'])),
        accepted: random.chance(0.5),
      };
    case 'delay':
      return { kind, ms: random.int(1, 150) };
    case 'drip':
      return { kind, ms: random.int(1, 10) };
    case 'redirect':
      return { kind, location: 'https://elsewhere.example/', accepted: random.chance(0.5) };
    // A response about another task.
    case 'data':
      return { kind, patch: () => stranger.prediction() };
    case 'extra':
      return { kind, ms: random.int(0, 20) };
    case 'compress':
      return { kind, encoding: random.pick(/** @type {const} */ (['gzip', 'deflate', 'br'])) };
    // A page of a gateway proves nothing, whatever its status.
    case 'page':
      return { kind: 'status', status: random.int(400, 499), body: PAGE, accepted: random.chance(0.5) };
    case 'refusal': {
      const code = random.pick(REFUSALS);
      const body = random.pick([
        { code, message: 'refused' },
        { code: 400, error_code: code, message: 'refused' },
        { code: 400, error: { code, message: 'refused' } },
      ]);
      return { kind: 'status', status: 200, body, accepted: false };
    }
    // An error under HTTP 200 without a code leaves the outcome open.
    case 'words':
      return { kind: 'status', status: 200, body: { error: 'no' }, accepted: random.chance(0.5) };
    case 'truncate':
    case 'garbage':
    case 'not-json':
    case 'empty':
      return { kind, accepted: random.chance(0.5) };
  }
}

/**
 * Loses some answers of `put`: it is repeated, so that it meets its own entry, or fails, before or after it was applied.
 *
 * @param {import('wavespeed-kling').Journal} journal
 * @param {import('./random.mjs').Random} random
 * @returns {import('wavespeed-kling').Journal}
 */
export function withPutFaults(journal, random) {
  const share = random.pick([0, 0, 0.1, 0.3]);
  return {
    ...journal,
    put: async (...args) => {
      const kind = random.chance(share) ? random.pick(['repeated', 'failed before', 'failed after']) : 'none';
      if (kind === 'failed before') throw new Error('no space left');
      const result = await journal.put(...args);
      if (kind === 'failed after') throw new Error('connection lost');
      return kind === 'repeated' && typeof result === 'number' ? 'stale' : result;
    },
  };
}

/** A history that shows inputs otherwise than they were sent. @param {unknown} data */
function rewriteInputs(data) {
  const page = /** @type {{ items: { input?: { prompt: string }, inputs?: { prompt: string } }[] }} */ (data);
  const items = page.items.map((item) => {
    const input = item.inputs ?? item.input;
    return input === undefined ? item : { ...item, inputs: { ...input, prompt: `${input.prompt}.` } };
  });
  return { ...page, items };
}

/**
 * @param {import('wavespeed-kling/testing').EmulatorCore} emulator
 * @param {import('./random.mjs').Random} random
 */
export function setFaults(emulator, random) {
  const stranger = emulator.addTask({ input: { prompt: 'of another program' }, status: 'completed' });
  for (let count = random.int(0, 6); count > 0; count--) {
    const on = random.pick(/** @type {const} */ (['submit', 'submit', 'result', 'result', 'list']));
    const fault = { on, ...randomFault(random, stranger), after: random.int(0, 4), times: random.int(1, 2) };
    emulator.fail(/** @type {import('wavespeed-kling/testing').Fault} */ (fault));
  }
  if (random.chance(0.2)) {
    emulator.fail({ on: 'list', kind: 'data', patch: rewriteInputs, times: random.int(1, 5) });
  }
}
