/** Encodes pictures of single-colour 16×16 tiles as H.264: intra pictures only, one coefficient per tile and plane. */

/** A colour in video range: luma 16–235, chroma 16–240. */
export type TileColour = readonly [luma: number, blue: number, red: number];

/** Size in pixels; multiples of 16. */
export interface VideoSize {
  readonly width: number;
  readonly height: number;
}

/** At this quantiser, a level is one luma coefficient step or two chroma steps. */
const QUANTISER = 28;

/** Writes fixed-length bits, and the variable-length codes ue(v) and se(v) of H.264. */
class BitWriter {
  readonly #bytes: number[] = [];
  #pending = 0;
  #count = 0;

  /** At most 24 bits. */
  bits(value: number, length: number): this {
    this.#pending = (this.#pending << length) | value;
    this.#count += length;
    while (this.#count >= 8) {
      this.#count -= 8;
      this.#push((this.#pending >>> this.#count) & 0xff);
    }
    this.#pending &= (1 << this.#count) - 1;
    return this;
  }

  ue(value: number): this {
    const length = 32 - Math.clz32(value + 1);
    return this.bits(0, length - 1).bits(value + 1, length);
  }

  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  finish(): Uint8Array {
    this.bits(1, 1).bits(0, (8 - this.#count) % 8);
    return Uint8Array.from(this.#bytes);
  }

  #push(byte: number): void {
    // Two zero bytes in a row would look like the start of a unit.
    if (byte <= 3 && this.#bytes.length > 2 && this.#bytes.at(-1) === 0 && this.#bytes.at(-2) === 0) {
      this.#bytes.push(3);
    }
    this.#bytes.push(byte);
  }
}

export function tileGrid({ width, height }: VideoSize): { columns: number; rows: number } {
  return { columns: width / 16, rows: height / 16 };
}

/** Baseline profile, level 3. */
export function sequenceParameters(size: VideoSize): Uint8Array {
  const { columns, rows } = tileGrid(size);
  const writer = new BitWriter().bits(0x67, 8).bits(66, 8).bits(0xc0, 8).bits(30, 8);
  writer
    .ue(0)
    .ue(0)
    .ue(2)
    .ue(0)
    .bits(0, 1)
    .ue(columns - 1)
    .ue(rows - 1);
  return writer.bits(0b1100, 4).finish();
}

export function pictureParameters(): Uint8Array {
  const writer = new BitWriter().bits(0x68, 8).ue(0).ue(0).bits(0, 2).ue(0).ue(0).ue(0).bits(0, 3);
  return writer
    .se(QUANTISER - 26)
    .se(0)
    .se(0)
    .bits(0b100, 3)
    .finish();
}

export function encodePicture(
  size: VideoSize,
  number: number,
  colourAt: (column: number, row: number) => TileColour,
): Uint8Array {
  const { columns, rows } = tileGrid(size);
  const writer = new BitWriter().bits(0x65, 8).ue(0).ue(7).ue(0).bits(0, 4);
  // Two pictures in a row need different ids. The deblocking filter is at its strongest: it softens the tiles' edges.
  writer
    .ue(number % 2)
    .bits(0, 2)
    .se(0)
    .ue(0)
    .se(6)
    .se(6);
  let above: TileColour[] = [];
  for (let row = 0; row < rows; row += 1) {
    const line: TileColour[] = [];
    for (let column = 0; column < columns; column += 1) {
      const left = line[column - 1];
      const predicted = left ?? above[column] ?? ([128, 128, 128] as const);
      // Prediction from the left, from above, or from nothing: 16×16 modes 1, 0, 2, which chroma numbers 1, 2, 0.
      const mode = left !== undefined ? 1 : row > 0 ? 0 : 2;
      line.push(encodeTile(writer, mode, predicted, colourAt(column, row)));
    }
    above = line;
  }
  return writer.finish();
}

/** Encodes a tile as the difference from its prediction. Returns the colour that a decoder will see. */
function encodeTile(
  writer: BitWriter,
  mode: 0 | 1 | 2,
  predicted: TileColour,
  wanted: TileColour,
): TileColour {
  const luma = wanted[0] - predicted[0];
  const blue = Math.round((wanted[1] - predicted[1]) / 2);
  const red = Math.round((wanted[2] - predicted[2]) / 2);
  const hasChroma = blue !== 0 || red !== 0;
  writer
    .ue(1 + mode + (hasChroma ? 4 : 0))
    .ue([2, 1, 0][mode] ?? 0)
    .se(0);
  if (luma === 0) writer.bits(1, 1);
  else writeCoefficient(writer, luma, 0b000101, 6);
  if (hasChroma) {
    for (const difference of [blue, red]) {
      if (difference === 0) writer.bits(0b01, 2);
      else if (Math.abs(difference) === 1) writer.bits(0b1, 1).bits(difference < 0 ? 0b11 : 0b01, 2);
      else writeCoefficient(writer, difference, 0b000111, 6);
    }
  }
  return [wanted[0], predicted[1] + 2 * blue, predicted[2] + 2 * red];
}

/** Writes a block whose only non-zero coefficient is the first. */
function writeCoefficient(writer: BitWriter, level: number, token: number, tokenLength: number): void {
  if (Math.abs(level) === 1) {
    writer.bits(0b01, 2).bits(level < 0 ? 0b11 : 0b01, 2);
    return;
  }
  writer.bits(token, tokenLength);
  const code = (level > 0 ? 2 * level - 2 : -2 * level - 1) - 2;
  if (code < 14) writer.bits(1, code + 1);
  else if (code < 30) writer.bits(1, 15).bits(code - 14, 4);
  else writer.bits(1, 16).bits(code - 30, 12);
  writer.bits(1, 1);
}
