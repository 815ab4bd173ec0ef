/** Flow 5: letting a cluster go, and what is left where it cannot be reached. */
import type { Page } from '@playwright/test'

import { audit, eventually, expect, logIn, send, settleIn, test, type Cluster, type World } from './world'

async function importCluster(page: Page, world: World, name: string): Promise<Cluster> {
  const harvester = await world.startCluster(name)
  await page.goto(`${world.url}/dashboard/clusters/import`)
  await page.getByLabel('Cluster Name').fill(name)
  await page.getByRole('button', { name: 'Create' }).click()
  await harvester.register(await page.getByRole('group', { name: 'Registration URL' }).getByRole('code').innerText())
  await expect(page.getByText(`${name} is connected and ready`)).toBeVisible()
  return harvester
}

async function askToDelete(page: Page, world: World, name: string): Promise<void> {
  await page.goto(`${world.url}/dashboard/clusters`)
  await page.getByRole('button', { name: `Actions for ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Delete cluster' }).click()
}

test('deleting a connected cluster says what happens on both sides, and leaves nothing there', async ({ page, world }) => {
  await world.startServer()
  await settleIn(world)
  await logIn(page, world)
  const harvester = await importCluster(page, world, 'paddock')
  await askToDelete(page, world, 'paddock')
  const dialog = page.getByRole('alertdialog', { name: 'Delete paddock?' })
  await expect(dialog).toContainText('Virtual machines keep running')
  await expect(dialog).toContainText('The agent removes everything that the import brought')
  await expect(dialog).toContainText('cluster-registration-url')
  await audit(page)
  await expect(dialog.getByRole('button', { name: 'Delete cluster' })).toBeDisabled()
  await dialog.getByLabel('Type paddock to confirm').fill('paddock')
  await dialog.getByRole('button', { name: 'Delete cluster' }).click()
  await expect(page.getByRole('alertdialog').getByText('paddock was deleted')).toBeVisible()
  await expect(page.getByRole('alertdialog')).toContainText('has been removed from the cluster')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Close' }).last().click()
  await expect(page.getByRole('heading', { name: 'No clusters yet' })).toBeVisible()
  await page.getByRole('link', { name: 'Tasks' }).first().click()
  await expect(page.getByRole('main')).toContainText('Deleting paddock')
  await audit(page)
  await eventually('the agent to be gone from the Harvester', async () => {
    const { code } = await send('GET', `${harvester.url}/apis/apps/v1/namespaces/cattle-system/deployments/cattle-cluster-agent`, harvester.token)
    return code === 404 || null
  })
})

test('deleting a cluster that is away shows what was left in it and how to remove that', async ({ page, world }) => {
  await world.startServer()
  await settleIn(world)
  await logIn(page, world)
  const harvester = await importCluster(page, world, 'meadow')
  await harvester.process.stop('SIGKILL')
  await page.goto(`${world.url}/dashboard/clusters`)
  await expect(page.getByRole('row').filter({ hasText: 'meadow' })).toContainText('Unreachable', { timeout: 60_000 })
  await askToDelete(page, world, 'meadow')
  const dialog = page.getByRole('alertdialog')
  await expect(dialog).toContainText('The cluster cannot be reached')
  await dialog.getByLabel('Type meadow to confirm').fill('meadow')
  await dialog.getByRole('button', { name: 'Delete cluster' }).click()
  await expect(dialog).toContainText('This is left in it')
  await expect(dialog.getByRole('listitem').filter({ hasText: 'Deployment cattle-cluster-agent' })).toBeVisible()
  await expect(dialog.getByRole('group', { name: 'Commands for the cluster' })).toContainText('kubectl -n cattle-system delete --ignore-not-found')
  await audit(page)
})

test('deleting a cluster that never joined needs nothing there', async ({ page, world }) => {
  await world.startServer()
  await settleIn(world)
  await logIn(page, world)
  await page.goto(`${world.url}/dashboard/clusters/import`)
  await page.getByLabel('Cluster Name').fill('never')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByRole('group', { name: 'Registration URL' })).toBeVisible()
  await askToDelete(page, world, 'never')
  const dialog = page.getByRole('alertdialog')
  await expect(dialog).toContainText('Nothing was installed there')
  await dialog.getByLabel('Type never to confirm').fill('never')
  await dialog.getByRole('button', { name: 'Delete cluster' }).click()
  await expect(dialog).toContainText('Nothing had been installed in the cluster')
})
