// Sums up the JSON reports of test runs in one line: N passed, N failed, N skipped. Before it a line for each test that
// was skipped: its name says why. A report that is missing or empty counts as a failure. Exits 1 if anything failed.
import { readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;
let skipped = 0;
for (const path of process.argv.slice(2)) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    console.log(`no report at ${path}: its run did not end`);
    failed++;
    continue;
  }
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  for (const suite of report.testResults)
    for (const { status, fullName } of suite.assertionResults)
      if (['skipped', 'pending', 'todo'].includes(status)) console.log(`skipped: ${fullName.trim()}`);
  // A suite that did not load has no tests to fail.
  for (const suite of report.testResults)
    if (suite.status === 'failed' && suite.assertionResults.every(test => test.status !== 'failed')) failed++;
  if (report.numTotalTests === 0) failed++;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);
