/** Reads a batch in CSV: the first row names the fields, and each other row is a request. */
import { CsvError, parse } from 'csv-parse/sync';
import { type DefinedModel, type JsonSchema, models } from '../schemas.js';
import { didYouMean } from '../utils/messages.js';
import { findRowModel, type RawRow, WrongFileError } from './batch-row.js';

/** The cells of a row that are not empty, by column. */
type Cells = ReadonlyMap<string, string>;

interface Converted {
  fields: Record<string, unknown>;
  /** The column of each item of a list. */
  columns: Record<string, string[]>;
}

/** A column with one item of a list, such as `image2` of `images`. */
const ITEM_COLUMN = /^([a-z_]+?)(\d+)$/;

const listOf = (column: string) => {
  const match = ITEM_COLUMN.exec(column);
  return match === null ? undefined : { field: `${match[1]}s`, index: Number(match[2]) };
};

/** Spreadsheets of some languages write semicolons or tabs. */
function findDelimiter(text: string): string {
  const [header = ''] = text.split(/\r?\n|\r/, 1);
  const counts = [',', ';', '\t'].map((delimiter) => ({
    delimiter,
    count: header.split(delimiter).length,
  }));
  counts.sort((one, other) => other.count - one.count);
  return counts[0]?.delimiter ?? ',';
}

function parseCells(text: string): string[][] {
  try {
    return parse(text, { delimiter: findDelimiter(text), relax_column_count: true });
  } catch (error) {
    if (error instanceof CsvError) throw new WrongFileError(`is not valid CSV: ${error.message}.`);
    throw error;
  }
}

/**
 * @param own Model of `--model-file`.
 * @throws {WrongFileError} for a file that is not a batch in CSV, or a header with an unknown column.
 */
export function readCsv(text: string, own?: DefinedModel): RawRow[] {
  if (/^\s*[{[]/.test(text)) throw new WrongFileError('is JSON and not CSV.');
  const [first = [], ...others] = parseCells(text);
  const header = first.map((cell) => cell.trim().toLowerCase());
  checkHeader(header, own);
  return others.flatMap((cells, index) => {
    // The header is row 1.
    const row = index + 2;
    const filled = cells.flatMap((cell, at) => (cell.trim() === '' ? [] : [[at, cell] as const]));
    return filled.length === 0 ? [] : [rowOf(row, header, filled, own)];
  });
}

function rowOf(
  row: number,
  header: readonly string[],
  filled: (readonly [number, string])[],
  own: DefinedModel | undefined,
): RawRow {
  let columns: Converted['columns'] = {};
  return {
    line: row,
    place: `row ${row}`,
    read: () => {
      const beyond = filled.find(([at]) => (header[at] ?? '') === '');
      if (beyond !== undefined) throw new Error(`cell ${beyond[0] + 1} has no name in the header`);
      const cells = new Map(filled.map(([at, cell]) => [header[at] ?? '', cell.trim()]));
      const [key, name] = [cells.get('key'), cells.get('model')];
      const given = { ...(key !== undefined && { key }), ...(name !== undefined && { model: name }) };
      const model = findRowModel(name, own);
      // Without a model there are no types: the model is the problem then.
      if (model === undefined) return given;
      cells.delete('key');
      cells.delete('model');
      const converted = convertCells(cells, model.inputJsonSchema);
      columns = converted.columns;
      return { ...given, ...converted.fields };
    },
    describe: ({ path: [field, index], message }) => {
      if (field === undefined) return `row ${row}: ${message}`;
      const name = String(field);
      const column = typeof index === 'number' ? (columns[name]?.[index] ?? name) : name;
      return `row ${row}, column ${column}: ${message.replace(/^[\w[\]]+: /, '')}`;
    },
  };
}

/** A misspelled column is one problem, not one a row. */
function checkHeader(header: readonly string[], own: DefinedModel | undefined): void {
  const all = [...Object.values<DefinedModel>(models), ...(own === undefined ? [] : [own])];
  const schemas = all.map(({ inputJsonSchema }) => inputJsonSchema);
  const fields = [...new Set(schemas.flatMap(({ properties }) => Object.keys(properties)))];
  const known = ['key', 'model', ...fields];
  const unknown = header.find(
    (column) => column !== '' && !known.includes(column) && !fields.includes(listOf(column)?.field ?? ''),
  );
  if (unknown !== undefined) {
    const meant = didYouMean(unknown, known);
    const hint = meant === undefined ? `expected some of ${known.join(', ')}.` : `did you mean "${meant}"?`;
    throw new WrongFileError(`has a column "${unknown}" in row 1, which no model has as a field; ${hint}`);
  }
  const repeated = header.find((column, index) => column !== '' && header.indexOf(column) !== index);
  if (repeated !== undefined)
    throw new WrongFileError(`has the column "${repeated}" more than once in row 1.`);
  const needed = own === undefined ? ['model', 'prompt'] : ['prompt'];
  const missing = needed.find((column) => !header.includes(column));
  if (missing !== undefined) {
    throw new WrongFileError(
      `has no column "${missing}" in row 1; expected the names of fields there, such as key,model,prompt,images,duration.`,
    );
  }
}

/** Converts cells to the types of a model's schema. */
function convertCells(cells: Cells, { properties }: JsonSchema): Converted {
  const fields: Converted['fields'] = {};
  const columns: Converted['columns'] = {};
  const append = (field: string, column: string, items: readonly string[]) => {
    fields[field] = [...((fields[field] ?? []) as string[]), ...items];
    columns[field] = [...(columns[field] ?? []), ...items.map(() => column)];
  };
  const itemColumns: { field: string; column: string; index: number; cell: string }[] = [];
  for (const [column, cell] of cells) {
    const list = listOf(column);
    const type = properties[column]?.type;
    if (list !== undefined && properties[column] === undefined && properties[list.field]?.type === 'array') {
      itemColumns.push({ ...list, column, cell });
    } else if (type === 'array') {
      const items = cell.split('|').map((item) => item.trim());
      append(
        column,
        column,
        items.filter((item) => item !== ''),
      );
    } else {
      fields[column] = convert(cell, type);
    }
  }
  itemColumns.sort((one, other) => one.index - other.index);
  for (const { field, column, cell } of itemColumns) append(field, column, [cell]);
  return { fields, columns };
}

/** A cell that is not of the type stays a text, which the model then refuses by name. */
function convert(text: string, type: string | undefined): unknown {
  if (type === 'integer' || type === 'number') {
    return /^[-+]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  }
  if (type !== 'boolean') return text;
  if (/^(?:true|1)$/i.test(text)) return true;
  return /^(?:false|0)$/i.test(text) ? false : text;
}
