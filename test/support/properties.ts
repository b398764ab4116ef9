// fast-check with one seed, so that no run of the suite fails by chance. `PROPERTY_SEED=7` tries other values.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });

export { fc };
