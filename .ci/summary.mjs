// Sums up reports of vitest: lists the skipped tests, ends with the counts.
// Exit code 1 if a test failed, a report is missing, or there was nothing to run.

import { readFileSync } from 'node:fs'

const counts = { passed: 0, failed: 0, skipped: 0 }
const skipped = []

for (const file of process.argv.slice(2)) {
  const report = readReport(file)
  if (report === undefined) {
    console.log(`${file}: the runner wrote no report`)
    counts.failed += 1
    continue
  }
  for (const { assertionResults, status } of report.testResults) {
    for (const { status: outcome, fullName } of assertionResults) {
      if (outcome === 'passed') counts.passed += 1
      else if (outcome === 'failed') counts.failed += 1
      else skipped.push(fullName)
    }
    // a file that cannot even be loaded has no test that failed
    const noneFailed = assertionResults.every(({ status: outcome }) => outcome !== 'failed')
    if (status === 'failed' && noneFailed) counts.failed += 1
  }
  if (!report.success && counts.failed === 0) counts.failed += 1
}

counts.skipped = skipped.length
for (const name of skipped) console.log(`skipped: ${name}`)
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0)

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
