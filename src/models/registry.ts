export * from './resolve-model.js';
