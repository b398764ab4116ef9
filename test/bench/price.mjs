// Computes a price. Measured as it is, and bundled.
import { estimateCost, KLING_O1 } from 'wavespeed-kling/schemas';

estimateCost(KLING_O1, { duration: 8 });
