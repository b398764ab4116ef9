/** Shows tasks on stderr: a live line for each on a terminal, elsewhere one plain line per change. */
import { createLogUpdate } from 'log-update';
import sliceAnsi from 'slice-ansi';
import { canRedraw, clean, note, paint, setLiveRegion } from './output.js';

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const FRAME_MS = 100;
const BAR_CELLS = 20;

export interface Row {
  update(status: string): void;
  transfer(status: string, loaded: number, total: number | undefined): void;
  end(ok: boolean, status: string): void;
  /** Ends it without a line. */
  remove(): void;
}

interface RowState {
  label: string;
  status: string;
  bar: string;
  cost: string;
  startedAt: number;
}

const plainOf = (text: string) => clean(text).replaceAll('\n', ' ');

const dollars = (amount: number) => `$${Number(amount.toFixed(4))}`;

function barOf(loaded: number, total: number | undefined): string {
  if (total === undefined || total === 0) return `${(loaded / 1e6).toFixed(1)} MB`;
  const share = Math.min(1, loaded / total);
  const cells = Math.round(share * BAR_CELLS);
  return `${'█'.repeat(cells)}${'░'.repeat(BAR_CELLS - cells)} ${Math.floor(share * 100)}%`;
}

export class Progress {
  readonly #isLive = canRedraw();
  readonly #startedAt = performance.now();
  readonly #rows = new Set<RowState>();
  readonly #total: number;
  #ended = { ok: 0, failed: 0 };
  #cost = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #render;

  constructor(total = 1) {
    this.#total = total;
    const { stderr } = process;
    // A pseudo-terminal may report 0 columns and rows.
    const stream = Object.create(stderr, {
      columns: { get: () => stderr.columns || 80 },
      rows: { get: () => stderr.rows || 24 },
      write: { value: stderr.write.bind(stderr) },
    }) as NodeJS.WriteStream;
    this.#render = createLogUpdate(stream);
    if (!this.#isLive) return;
    setLiveRegion({ clear: () => this.#render.clear(), draw: () => this.#draw() });
    this.#timer = setInterval(() => {
      this.#frame += 1;
      this.#draw();
    }, FRAME_MS);
  }

  row(label: string, cost?: number): Row {
    const row: RowState = {
      label: plainOf(label),
      status: '',
      bar: '',
      cost: cost === undefined ? '' : dollars(cost),
      startedAt: performance.now(),
    };
    this.#cost += cost ?? 0;
    this.#rows.add(row);
    const update = (status: string) => {
      const plain = plainOf(status);
      const isNews = plain !== row.status;
      row.status = plain;
      if (isNews && !this.#isLive) this.#log(row);
    };
    return {
      update: (status) => {
        row.bar = '';
        update(status);
      },
      transfer: (status, loaded, total) => {
        row.bar = barOf(loaded, total);
        update(status);
      },
      remove: () => void this.#rows.delete(row),
      end: (ok, status) => {
        if (!this.#rows.delete(row)) return;
        row.bar = '';
        this.#ended[ok ? 'ok' : 'failed'] += 1;
        if (!this.#isLive) return update(status);
        row.status = plainOf(status);
        note(this.#line(row), ok ? paint('green', '✔') : paint('red', '✖'));
      },
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    if (!this.#isLive) return;
    setLiveRegion(undefined);
    this.#render.clear();
    this.#render.done();
  }

  #log(row: RowState): void {
    const time = new Date().toISOString().slice(11, 19);
    note([time, row.label, row.status, row.cost].filter((part) => part !== '').join(' '));
  }

  #line(row: RowState): string {
    const seconds = `${Math.floor((performance.now() - row.startedAt) / 1000)}s`;
    const parts = [row.label.padEnd(10), row.status.padEnd(12), row.bar, seconds.padStart(4), row.cost];
    return parts.filter((part) => part !== '').join('  ');
  }

  #totals(): string {
    const { ok, failed } = this.#ended;
    const running = this.#rows.size;
    const waiting = this.#total - ok - failed - running;
    const seconds = Math.floor((performance.now() - this.#startedAt) / 1000);
    const counts = `${ok} done, ${failed} failed, ${running} running, ${Math.max(0, waiting)} waiting`;
    return paint('dim', `  ${counts} · ${seconds}s · ${dollars(this.#cost)}`);
  }

  #draw(): void {
    const glyph = paint('cyan', FRAMES[this.#frame % FRAMES.length] ?? '');
    const width = (process.stderr.columns || 80) - 3;
    const most = Math.max(1, (process.stderr.rows || 24) - 3);
    const lines = [...this.#rows]
      .slice(0, most)
      .map((row) => `${glyph} ${sliceAnsi(this.#line(row), 0, width)}`);
    if (this.#total > 1) lines.push(this.#totals());
    if (lines.length === 0) this.#render.clear();
    else this.#render(lines.join('\n'));
  }
}
