/** The part of sql.js, which has no types of its own, that the tests use. */
declare module 'sql.js' {
  interface Statement {
    bind(values: Record<string, unknown>): boolean;
    step(): boolean;
    getAsObject(): Record<string, unknown>;
    free(): boolean;
  }
  interface Database {
    run(sql: string): unknown;
    prepare(sql: string): Statement;
    getRowsModified(): number;
    close(): void;
  }
  export default function initSqlJs(): Promise<{ Database: new () => Database }>;
}
