/** Fails when the first load of the console outgrows its budget: what index.html, the login page and Home need. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const BUDGET_BYTES = 200 * 1024
const dist = new URL('../dist', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'))
/** What a visitor's browser loads before anything is clicked: the entry, the frame and the first page. */
const FIRST = ['index.html', 'src/pages/entry/LoginPage.vue', 'src/frame/AppFrame.vue', 'src/pages/home/HomePage.vue']

const files = new Set(['index.html'])
function add(key) {
  const { file, css = [], imports = [] } = manifest[key]
  if (files.has(file)) return
  files.add(file)
  for (const sheet of css) files.add(sheet)
  for (const other of imports) add(other)
}
for (const key of FIRST) {
  if (manifest[key]) add(key)
  // What vite.config.ts puts into a file of several, which the entry loads, has no entry of its own; what was moved is no longer there.
  else if (!existsSync(join(dist, '..', key))) throw new Error(`${key} is not there: what the first load needs is not known`)
}

let total = 0
for (const file of files) total += gzipSync(readFileSync(join(dist, file))).length
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`
console.log(`first load: ${kib(total)} gzip in ${files.size} files (budget ${kib(BUDGET_BYTES)})`)
if (total > BUDGET_BYTES) process.exit(1)
