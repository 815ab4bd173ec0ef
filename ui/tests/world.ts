/**
 * The world of a test: real `grange server` and `grange solo` processes in a folder that goes away, and a browser page
 * that fails the test when the console throws or breaks its own Content-Security-Policy.
 *
 * The console is the one inside the binary. With `GRANGE_FRONT=preview` it is ui/dist behind `vite preview` with the same
 * policy, which spares building the binary while one works on the console.
 */
import { test as base, expect, type Locator, type Page } from '@playwright/test'
import axe, { type Result, type RunOptions } from 'axe-core'
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { preview, type PreviewServer } from 'vite'

import { proxyTo } from '../proxy'

const BINARY = process.env['GRANGE_BINARY'] ?? join(import.meta.dirname, '../../target/debug/grange')
const READY_LIMIT_MS = 60_000
const POLL_MS = 50
/** What the server is started with, and what the administrator makes of it. */
const BOOTSTRAP = 'bootstrap password'
export const PASSWORD = 'correct horse battery'
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || !address) throw new Error('no free port')
  return address.port
}

/** Waits until something is there; the deadline says what it was. */
export async function eventually<T>(what: string, find: () => Promise<T | undefined | null> | T | undefined | null, limitMs = READY_LIMIT_MS): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const found = await find()
    if (found !== undefined && found !== null) return found
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** One `grange` process; its output is kept. */
class Process {
  private constructor(
    private readonly child: ChildProcess,
    private readonly file: string,
    private readonly name: string,
  ) {}

  static start(folder: string, name: string, args: string[]): Process {
    const file = join(folder, `${name}.log`)
    const output = openSync(file, 'a')
    const child = spawn(BINARY, args, { stdio: ['ignore', output, output], env: { ...process.env, NO_COLOR: '1' } })
    closeSync(output)
    return new Process(child, file, name)
  }

  get log(): string {
    return readFileSync(this.file, 'utf8')
  }

  async ready(): Promise<void> {
    await eventually(`${this.name} to be ready`, () => {
      if (this.child.exitCode !== null) throw new Error(`${this.name} ended: ${this.log}`)
      return this.log.includes('is ready on') || null
    })
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill(signal)
    await gone
  }
}

interface Answer {
  code: number
  body: Record<string, unknown>
}

/** A request as a script would send it. */
export function send(method: string, url: string, token: string, body?: unknown, contentType = 'application/json'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, rejectUnauthorized: false, headers: { Authorization: `Bearer ${token}`, 'Content-Type': contentType } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Record<string, unknown> }))
    })
    call.on('error', reject)
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const tokenIn = (kubeconfig: string): string => /token: "?([^"\s]+)/.exec(readFileSync(kubeconfig, 'utf8'))?.[1] ?? ''

/** A stand-in Harvester. */
export class Cluster {
  constructor(
    readonly name: string,
    readonly url: string,
    readonly token: string,
    readonly process: Process,
  ) {}

  /** What its administrator does with the registration URL: paste it into the setting. */
  async register(value: string): Promise<void> {
    const { code, body } = await send('PATCH', `${this.url}/apis/harvesterhci.io/v1beta1/settings/cluster-registration-url`, this.token, { value }, 'application/merge-patch+json')
    expect(code, JSON.stringify(body)).toBe(200)
  }
}

/** Makes an object by the cluster's own API. */
export async function create(harvester: Cluster, path: string, object: object): Promise<void> {
  const { code, body } = await send('POST', harvester.url + path, harvester.token, object)
  expect(code, JSON.stringify(body)).toBe(201)
}

interface ServerOptions {
  password?: string | null
  serverUrl?: boolean
}

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'grange-console-'))
  private readonly processes: Process[] = []
  private front: PreviewServer | undefined
  server!: Process
  port = 0
  /** Where the browser goes. */
  url = ''

  /** `password: null` lets the server draw its one-time password. */
  async startServer({ password = BOOTSTRAP, serverUrl = true }: ServerOptions = {}): Promise<void> {
    this.port ||= await freePort()
    const address = `https://127.0.0.1:${this.port}`
    const args = ['server', '--data-dir', join(this.folder, 'server'), '--listen', `127.0.0.1:${this.port}`, '--kubeconfig-out', join(this.folder, 'admin.kubeconfig')]
    if (serverUrl) args.push('--server-url', address)
    if (password !== null) args.push('--bootstrap-password', password)
    this.server = this.keep(Process.start(this.folder, `server-${this.processes.length}`, args))
    await this.server.ready()
    if (process.env['GRANGE_FRONT'] === 'preview') await this.startFront(address)
    else this.url = address
  }

  /** The administrator's own credential, for what a test looks up beside the browser. */
  get token(): string {
    return tokenIn(join(this.folder, 'admin.kubeconfig'))
  }

  get address(): string {
    return `https://127.0.0.1:${this.port}`
  }

  /** What the server said when it started for the first time. */
  oneTimePassword(): string {
    const password = /one-time password\s+(\S+)/.exec(this.server.log)?.[1]
    if (!password) throw new Error(`no one-time password in: ${this.server.log}`)
    return password
  }

  async startCluster(name: string, more: string[] = []): Promise<Cluster> {
    const port = await freePort()
    const kubeconfig = join(this.folder, `${name}.kubeconfig`)
    const args = ['solo', '--name', name, '--hypervisor', 'simulated', '--data-dir', join(this.folder, name), '--listen', `127.0.0.1:${port}`, '--kubeconfig-out', kubeconfig, ...more]
    const started = this.keep(Process.start(this.folder, name, args))
    await started.ready()
    return new Cluster(name, `https://127.0.0.1:${port}`, tokenIn(kubeconfig), started)
  }

  /** Imports over the API, for tests of what comes after it. The cluster's id. */
  async importCluster(cluster: Cluster): Promise<string> {
    const clusters = `${this.address}/apis/provisioning.cattle.io/v1/namespaces/fleet-default/clusters`
    const created = await send('POST', clusters, this.token, {
      apiVersion: 'provisioning.cattle.io/v1',
      kind: 'Cluster',
      metadata: { name: cluster.name, namespace: 'fleet-default', labels: { 'provider.cattle.io': 'harvester' } },
      spec: {},
    })
    expect(created.code, JSON.stringify(created.body)).toBe(201)
    const id = (created.body['status'] as { clusterName: string }).clusterName
    const url = await eventually('the registration URL', async () => {
      const { body } = await send('GET', `${this.address}/apis/management.cattle.io/v3/namespaces/${id}/clusterregistrationtokens/default-token`, this.token)
      return (body['status'] as { manifestUrl?: string } | undefined)?.manifestUrl
    })
    await cluster.register(url)
    await eventually(`${cluster.name} to be ready`, async () => {
      const { body } = await send('GET', `${this.address}/apis/management.cattle.io/v3/clusters/${id}`, this.token)
      const conditions = (body['status'] as { conditions?: { type: string; status: string }[] } | undefined)?.conditions ?? []
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True') || null
    })
    return id
  }

  async end(): Promise<void> {
    await this.front?.close()
    await Promise.all(this.processes.map((each) => each.stop('SIGKILL')))
    rmSync(this.folder, { recursive: true, force: true })
  }

  private keep(started: Process): Process {
    this.processes.push(started)
    return started
  }

  private async startFront(target: string): Promise<void> {
    if (this.front) return
    const tls = join(this.folder, 'server/tls')
    const port = await freePort()
    this.front = await preview({
      root: join(import.meta.dirname, '..'),
      logLevel: 'error',
      preview: {
        host: '127.0.0.1',
        port,
        https: { cert: readFileSync(join(tls, 'server.crt')), key: readFileSync(join(tls, 'server.key')) },
        headers: { 'Content-Security-Policy': POLICY },
        proxy: proxyTo(target),
      },
    })
    this.url = `https://127.0.0.1:${port}`
  }
}

interface Fixtures {
  world: World
  page: Page
}

/** Gathers what the console throws, and what its policy forbids. */
export function watchFaults(page: Page, faults: string[]): void {
  page.on('pageerror', (error) => faults.push(error.stack ?? error.message))
  page.on('console', (message) => {
    if (/Content Security Policy|\[Vue warn\]/.test(message.text())) faults.push(message.text())
  })
}

export const test = base.extend<Fixtures>({
  // One world a test: nothing of one is seen by another.
  world: async ({ browserName: _ }, use) => {
    const world = new World()
    await use(world)
    await world.end()
  },
  page: async ({ page }, use) => {
    const faults: string[] = []
    watchFaults(page, faults)
    await use(page)
    expect(faults, 'faults of the page').toEqual([])
  },
})
export { expect }

export async function logIn(page: Page, world: World, password = PASSWORD): Promise<void> {
  await page.goto(`${world.url}/dashboard/`)
  await page.getByLabel('User name').fill('admin')
  await page.getByRole('textbox', { name: 'assword' }).fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
  // Going on before the answer would take the request back.
  await expect(page.getByRole('heading', { name: /Welcome/ })).toBeVisible()
}

/** Past the first visit, by the API: for tests of what comes after it. */
export async function settleIn(world: World): Promise<void> {
  const { code, body } = await send('POST', `${world.address}/v3/users?action=changepassword`, world.token, { currentPassword: BOOTSTRAP, newPassword: PASSWORD })
  expect([200, 204], JSON.stringify(body)).toContain(code)
}

/** A server with one cluster, imported and entered. */
export async function enter(page: Page, world: World, more: string[] = []): Promise<{ harvester: Cluster; id: string }> {
  await world.startServer()
  await settleIn(world)
  const harvester = await world.startCluster('paddock', more)
  await logIn(page, world)
  const id = await world.importCluster(harvester)
  await page.goto(`${world.url}/dashboard/`)
  await page.getByRole('main').getByRole('link', { name: 'paddock' }).click()
  await expect(page.getByRole('heading', { name: 'Capacity' })).toBeVisible()
  return { harvester, id }
}

/** The menu of the scope. */
export const nav = (page: Page): Locator => page.getByRole('navigation', { name: 'Pages' })

/** A part of the page, by its title. */
export const region = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true })

/** What can be done with an object, from its menu. */
export async function act(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${name}`, exact: true }).click()
  await page.getByRole('menuitem', { name: action, exact: true }).click()
}

/** The page of an object, with all that can be done there: keys do nothing before that is known. */
export async function opened(page: Page, name: string): Promise<void> {
  await expect(page.getByRole('heading', { name, exact: true, level: 1 })).toBeVisible()
  await expect(page.getByRole('button', { name: `Actions for ${name}`, exact: true })).toBeVisible()
}

/** `g` and another key. A busy machine may let more time pass between the two than a person does; then once more. */
export async function goBy(page: Page, key: string, arrived: Locator): Promise<void> {
  await expect(async () => {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await expect(arrived).toBeVisible({ timeout: 10_000 })
  }).toPass()
}

/** As a person does it: everything selected, then typed over. */
export async function retype(editor: Locator, text: string): Promise<void> {
  await editor.focus()
  await editor.press('ControlOrMeta+a')
  // Emptied first: text that takes the place of coloured text would get an inline style from the browser itself.
  await editor.press('Delete')
  await editor.page().keyboard.insertText(text)
}

/** Whatever the page was waiting for has come. */
export async function settled(page: Page): Promise<void> {
  await expect(page.getByText('Loading', { exact: true })).toHaveCount(0)
}

const STANDARDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** `region` wants everything in landmarks; menus and lists that float over the page belong to their buttons. */
const EVERYTHING: RunOptions = { runOnly: { type: 'tag', values: STANDARDS }, rules: { region: { enabled: false } }, resultTypes: ['violations'] }
/** What depends on colours; everything else is the same in both themes. */
const COLOURS: RunOptions = { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }, resultTypes: ['violations'] }

/** In the page: what moves or changes its colour has come to rest, then axe. */
async function violations(options: RunOptions): Promise<Result[]> {
  const passing = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
  await Promise.allSettled(passing.map(({ finished }) => finished))
  return (await (window as unknown as { axe: typeof axe }).axe.run(document, options)).violations
}

/** Every audited state is photographed when somebody wants to look at them. */
const PICTURES = process.env['GRANGE_SCREENSHOTS']
let pictures = 0

/** No violation of WCAG 2.2 AA in either theme. A test goes on after one, so that one run tells them all. */
export async function audit(page: Page): Promise<void> {
  // A page without a title is still on its way; behind a dialog it is there, but not for everybody.
  await expect(page.getByRole('heading', { level: 1, includeHidden: true }).first()).toBeAttached()
  for (const [colorScheme, options] of [['light', EVERYTHING], ['dark', COLOURS]] as const) {
    await page.emulateMedia({ colorScheme })
    if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
    const found = (await page.evaluate(violations, options)).map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target.join(' ')} ${failureSummary ?? ''}`).join(' | ')}`)
    expect.soft(found, `accessibility of ${page.url()} in the ${colorScheme} theme`).toEqual([])
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `audited-${base.info().title.replaceAll(/\W+/g, '-')}-${String(++pictures).padStart(3, '0')}-${colorScheme}.png`), animations: 'disabled', caret: 'hide' })
  }
  await page.emulateMedia({ colorScheme: 'light' })
}
