// The client side of a form: checks the input and shows the price, with nothing of Node.
import { estimateCost, KLING_O3_STD, klingO3StdInputSchema } from 'wavespeed-kling/schemas';

export function check(values) {
  const { success, data, error } = klingO3StdInputSchema.safeParse(values);
  return success
    ? { data, price: estimateCost(KLING_O3_STD, data) }
    : { issues: error.issues.map((issue) => issue.message) };
}

globalThis.check = check;
