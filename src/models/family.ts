/** The built-in models: one file and one line each. */
export * from './kling-o1.js';
export * from './kling-o1-std.js';
export * from './kling-o3.js';
export * from './kling-v4.js';
