/**
 * Inputs checked and priced without zod: for the command, which starts faster without it. Not public. It also keeps what
 * it exports in files of the build that have no zod, so that a bundler leaves zod out of a program that asks for prices.
 */
export { type InputIssue, InvalidInputError } from './core/errors/index.js';
export { estimateCost } from './models/estimate-cost.js';
export { isDefinedModel } from './models/defined-model.js';
export { builtIns, isModelId } from './models/family-by-id.js';
export { parseInput } from './models/parse-input.js';
