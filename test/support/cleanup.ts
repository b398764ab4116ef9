/** What a test or a file of tests has to undo; the hooks stand in setup.ts. */
type Cleanup = () => unknown;

const ofTest: Cleanup[] = [];
const ofFile: Cleanup[] = [];

/** Runs when the test is over; the last one first. */
export const onCleanup = (cleanup: Cleanup): void => void ofTest.push(cleanup);

/** Runs after the last test of the file; the last one first. */
export const onFileCleanup = (cleanup: Cleanup): void => void ofFile.push(cleanup);

async function run(cleanups: Cleanup[]): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export const cleanUpTest = () => run(ofTest);
export const cleanUpFile = () => run(ofFile);
