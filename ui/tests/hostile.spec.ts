/** A cluster that means harm, or is broken: whatever it answers is text, and no page falls over. */
import type { Page, Route } from '@playwright/test'

import { furnish } from './furnish'
import { corrupt, EVIL } from './hostile-cluster'
import { audit, enter, expect, nav, settled, test } from './world'

/** Nothing ran, nothing became part of the page, and nothing is a link to elsewhere. */
async function unhurt(page: Page): Promise<void> {
  const found = await page.evaluate(() => ({
    hurt: (window as { hurt?: number }).hurt ?? null,
    injected: [...document.querySelectorAll('img[src="x"], svg[onload], main script, main style, base')].map(({ outerHTML }) => outerHTML),
    links: [...document.querySelectorAll<HTMLAnchorElement>('a[href]')].filter(({ protocol }) => protocol !== 'https:' && protocol !== 'http:').map(({ outerHTML }) => outerHTML),
  }))
  expect(found, page.url()).toEqual({ hurt: null, injected: [], links: [] })
}

/** Kinds without an entry in the menu. */
const MORE = ['pods', 'events', 'deployments.apps', 'services', 'persistentvolumes', 'clusterroles.rbac.authorization.k8s.io', 'linkmonitors.network.harvesterhci.io']
/** Of each list: the one whose texts are poisoned, and one of those that are twisted. */
const opened = (turn: number): RegExp[] => [/^(?!.*-v\d$)/, new RegExp(`-v${2 + (turn % 4)}$`)]

test('every list and every object of a hostile cluster is shown as text', async ({ page, world }) => {
  test.slow()
  const { harvester, id } = await enter(page, world, ['--vms', '4'])
  await furnish(harvester, EVIL[0] ?? '')
  await corrupt(page)
  const main = page.getByRole('main')
  const go = (path: string): Promise<void> =>
    page.evaluate((to) => {
      // As a link does it: loading the whole console for every page would take most of the time.
      history.pushState({}, '', to)
      dispatchEvent(new PopStateEvent('popstate', { state: {} }))
    }, path)

  await page.goto(`${world.url}/dashboard/c/${id}`)
  await expect(nav(page).getByRole('link', { name: /Virtual Machines/ })).toBeVisible()
  await unhurt(page)
  await audit(page)
  await page.goto(`${world.url}/dashboard/c/${id}/all-kinds`)
  await expect(main.getByRole('link', { name: EVIL[1] ?? '' })).toBeVisible()
  await unhurt(page)

  const menu = await nav(page).getByRole('link').evaluateAll((found) => found.map((link) => (link as HTMLAnchorElement).pathname))
  const lists = [...menu.filter((path) => path.startsWith(`/dashboard/c/${id}/`) && !path.endsWith('/all-kinds')), ...MORE.map((kind) => `/dashboard/c/${id}/${kind}`)]
  expect(lists.length).toBeGreaterThan(30)
  for (const [turn, path] of lists.entries()) {
    await test.step(path.slice(path.lastIndexOf('/') + 1), async () => {
      await go(path)
      // Rows or blocks, or the sentence that there are none.
      await expect(main.getByRole('row').nth(1).or(main.getByRole('heading', { level: 2 }).first()).first()).toBeVisible()
      await unhurt(page)
      const objects = await main.getByRole('row').getByRole('link').evaluateAll((found) => found.map((link) => (link as HTMLAnchorElement).pathname))
      const wanted = opened(turn).map((name) => objects.find((object) => name.test(object) && !object.includes('%22')))
      for (const object of wanted.filter((object) => object !== undefined)) {
        await go(object)
        await expect(page.getByRole('tabpanel').or(page.getByRole('heading', { name: 'It does not exist' }))).toBeVisible()
        await settled(page)
        // The editor shows any text alike: once is enough.
        for (const tab of await page.getByRole('tab', turn > 0 ? { name: /^(?!YAML)/ } : {}).all()) {
          await tab.click()
          await expect(page.getByRole('tabpanel')).toBeVisible()
          await unhurt(page)
        }
        await go(`${object}/edit`)
        await expect(page.getByRole('button', { name: 'Cancel' }).or(page.getByRole('alert')).first()).toBeVisible()
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
        await unhurt(page)
      }
    })
  }
})

test('a list of a million stays usable, and says what it leaves out', async ({ page, world }) => {
  const { id } = await enter(page, world, ['--vms', '1'])
  const total = 1_000_000
  await page.route(/\/k8s\/clusters\/[^/]+\/api\/v1\/configmaps/, async (route: Route) => {
    const url = new URL(route.request().url())
    // Nothing happens meanwhile.
    if (url.searchParams.has('watch')) return route.fulfill({ body: '' })
    const from = Number(url.searchParams.get('continue') ?? 0)
    const limit = Number(url.searchParams.get('limit') ?? 500)
    const items = Array.from({ length: limit }, (_, at) => ({ metadata: { name: `map-${String(from + at).padStart(7, '0')}`, namespace: 'default', uid: `uid-${from + at}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }, data: { a: 'b' } }))
    return route.fulfill({ json: { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '1', continue: String(from + limit), remainingItemCount: total - from - limit }, items } })
  })
  await page.goto(`${world.url}/dashboard/c/${id}/configmaps`)
  await expect(page.getByRole('row').filter({ hasText: 'map-0000000' })).toBeVisible()
  await expect(page.getByRole('main')).toContainText('Showing 20,000; 980,000 more are not loaded')
  await audit(page)
  await page.getByLabel('Filter').fill('map-0019999')
  await expect(page.getByRole('row').filter({ hasText: 'map-0019999' })).toBeVisible()
  await expect(page.getByRole('row')).toHaveCount(2)
})
