import { defineConfig } from '@playwright/test'

/**
 * Every spec starts the real binary itself (tests/world.ts); `GRANGE_BINARY` names it. The browser is the system's own
 * (`CHROMIUM`, else /usr/bin/chromium), because test browsers cannot be downloaded everywhere.
 */
export default defineConfig({
  testDir: 'tests',
  outputDir: 'node_modules/.playwright',
  // Deadlines, not measurements: a busy machine takes several times as long as a quiet one.
  timeout: 300_000,
  expect: { timeout: 60_000 },
  fullyParallel: false,
  workers: 1,
  forbidOnly: true,
  retries: 0,
  reporter: [['list']],
  use: {
    actionTimeout: 60_000,
    browserName: 'chromium',
    ignoreHTTPSErrors: true,
    locale: 'en-GB',
    viewport: { width: 1280, height: 800 },
    // Nothing is clicked, or looked at by axe, half-way to its place.
    contextOptions: { reducedMotion: 'reduce' },
    trace: 'retain-on-failure',
    launchOptions: { executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
})
