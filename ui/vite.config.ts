import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

import { proxyTo } from './proxy.ts'

/** The server that `npm run dev` and `npm run preview` put the console in front of. */
const server = process.env['GRANGE_URL'] ?? 'https://127.0.0.1:8443'
/** A folder with server.crt and server.key; with it the browser gets HTTP/2, without which six watches fill every connection. */
const tlsFolder = process.env['GRANGE_TLS']
const https = tlsFolder
  ? { cert: readFileSync(join(tlsFolder, 'server.crt')), key: readFileSync(join(tlsFolder, 'server.key')) }
  : undefined

const proxy = proxyTo(server)

/** What every page needs, and what most people see first: a file each of its own would be loaded one after the other. */
const FIRST_PAGE =
  /src[\\/](core[\\/](?!yaml|schema|forms|table)|ui[\\/]|router|route-messages|pages[\\/]home[\\/]|frame[\\/](AppFrame|TopBar|SideNav|ConnectionBar|ToastList|AccountMenu|TasksMenu|ClusterSwitcher|messages|fleet-nav|ahead|typed-ahead\.ts))/

export default defineConfig({
  base: '/dashboard/',
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
  build: {
    target: 'es2023',
    // Every asset is a file of its own: the Content-Security-Policy allows data: for nothing but images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    manifest: true,
    chunkSizeWarningLimit: 600,
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    rolldownOptions: {
      output: {
        // Few files: what every page needs in three, what one page needs with the page.
        codeSplitting: {
          groups: [
            { name: 'vue', test: /node_modules[\\/](@vue|vue|vue-router)[\\/]/, priority: 3 },
            { name: 'widgets', test: /node_modules[\\/](reka-ui|@floating-ui|@vueuse|@lucide|aria-hidden)[\\/]/, priority: 2 },
            { name: 'editor', test: /node_modules[\\/](@codemirror|@lezer|yaml|crelt|style-mod|w3c-keyname)[\\/]/, priority: 2 },
            { name: 'core', test: FIRST_PAGE, priority: 1 },
          ],
        },
      },
    },
  },
  server: { proxy, https, strictPort: true },
  preview: { proxy, https, strictPort: true },
})
