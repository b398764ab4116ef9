/** Keeps zod from compiling its schemas: the page's policy allows no code that is made at run time. Imported first. */
import { config } from 'zod';

config({ jitless: true });
