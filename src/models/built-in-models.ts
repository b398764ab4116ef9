/** The built-in models as programs import them: their ids, and each with its schemas. */
import { withSchemas } from './with-schemas.js';
import * as family from './family.js';
import type { KlingO1, KlingO1Std, KlingO34k, KlingO3Pro, KlingO3Std, KlingV4 } from './family.js';

export { KLING_O1, KLING_O1_STD, KLING_O3_4K, KLING_O3_PRO, KLING_O3_STD, KLING_V4 } from './family.js';
export type { KlingO1, KlingO1Std, KlingO34k, KlingO3Pro, KlingO3Std, KlingV4 } from './family.js';

/** Kling O1 reference-to-video. */
export const klingO1: KlingO1 = /* @__PURE__ */ withSchemas(family.o1);
/** Kling O1 Standard reference-to-video. */
export const klingO1Std: KlingO1Std = /* @__PURE__ */ withSchemas(family.o1Std);
/** Kling O3 Standard reference-to-video. */
export const klingO3Std: KlingO3Std = /* @__PURE__ */ withSchemas(family.o3Std);
/** Kling O3 Pro reference-to-video. */
export const klingO3Pro: KlingO3Pro = /* @__PURE__ */ withSchemas(family.o3Pro);
/** Kling O3 4K reference-to-video. */
export const klingO34k: KlingO34k = /* @__PURE__ */ withSchemas(family.o34k);
/** Kling V4 reference-to-video. */
export const klingV4: KlingV4 = /* @__PURE__ */ withSchemas(family.v4);
