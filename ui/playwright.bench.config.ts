import { defineConfig } from '@playwright/test'

import base from './playwright.config.ts'

/** The console's numbers (`npm run bench`, which `cargo xtask bench console` calls): never part of the tests. */
export default defineConfig({ ...base, testDir: 'bench', testMatch: '*.bench.ts', timeout: 1_800_000, use: { ...base.use, trace: 'off' } })
