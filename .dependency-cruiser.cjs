// The one-way order of the rooms: each lists what it may import, and anything else is an error.
const rooms = {
  // What stands for Node's modules in the edge build.
  edge: [],
  utils: [],
  core: ['utils'],
  models: ['utils', 'core'],
  http: ['utils', 'core'],
  webhooks: ['utils', 'core'],
  media: ['utils', 'core', 'models', 'http'],
  predictions: ['utils', 'core', 'models', 'http', 'media'],
  batch: ['utils', 'core', 'models', 'media', 'predictions'],
  'file-journal': ['utils', 'core', 'media', 'predictions'],
  billing: ['utils', 'core', 'models', 'http', 'predictions'],
  testing: ['utils', 'core', 'models'],
};

const consumers = ['ai-sdk', 'bullmq', 'sql', 'cli'];

/**
 * For consumers, which use the library as a program does; they share the option checks and the version. The class of the
 * client comes from its own file: of a re-export, the bundler of declarations warns in every build.
 */
const PUBLIC_ENTRIES =
  '^src/(?:index|client|schemas|inputs|webhooks|core/(?:validate-options|version)|predictions/options)\\.ts$';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that import each other cannot be understood one by one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'An import that is not found would not be checked.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `order-of-${room}`,
      comment: `src/${room} may import ${allowed.join(', ') || 'no other room'}.`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(?:${[room, ...allowed].join('|')})/` },
    })),
    {
      name: 'no-unlisted-rooms',
      comment: 'A new folder of src needs a place in the order.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(?:${[...Object.keys(rooms), ...consumers].join('|')})/` },
      to: {},
    },
    ...consumers.map((room) => ({
      name: `order-of-${room}`,
      comment: `src/${room} may import the public entries and utils, and src/cli the emulator.`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: {
        path: '^src/',
        pathNot: [
          `^src/(?:${room}|utils)/`,
          PUBLIC_ENTRIES,
          ...(room === 'cli' ? ['^src/testing/index\\.ts$'] : []),
        ],
      },
    })),
    {
      name: 'order-of-composition',
      comment:
        'client.ts and the entries compose the rooms; only what stands beside the client may not be imported.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/(?:ai-sdk|bullmq|sql|cli|testing)/' },
    },
    {
      name: 'browser-rooms-use-no-node',
      comment: 'src/models and src/webhooks, and what they import, run in browsers and on edges.',
      severity: 'error',
      from: { path: '^src/(?:utils|core|models|webhooks)/' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
