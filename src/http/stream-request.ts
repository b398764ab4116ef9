/** Former names of idle-timeout.ts, until every importer uses the new ones. */
export {
  createTransientError as passingError,
  formatStatus as statusLine,
  httpUrl,
  type IdleTimeoutOptions as StreamRules,
  type IdleTimer as StreamWatch,
  labelOf,
  withIdleTimeout as carry,
} from './idle-timeout.js';
