// Random faults of the network and of gateways: what a service or a proxy may do to any request.

/** @param {import('./random.mjs').Random} random */
function randomFault(random) {
  /** @type {import('wavespeed-kling/testing').Fault['kind']} */
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
    case 'truncate':
    case 'garbage':
    case 'not-json':
    case 'empty':
      return { kind, accepted: random.chance(0.5) };
  }
}

/**
 * @param {import('wavespeed-kling/testing').EmulatorCore} emulator
 * @param {import('./random.mjs').Random} random
 */
export function setFaults(emulator, random) {
  for (let count = random.int(0, 6); count > 0; count--) {
    const on = random.pick(/** @type {const} */ (['submit', 'submit', 'result', 'result', 'list']));
    const fault = { on, ...randomFault(random), after: random.int(0, 4), times: random.int(1, 2) };
    emulator.fail(/** @type {import('wavespeed-kling/testing').Fault} */ (fault));
  }
}
