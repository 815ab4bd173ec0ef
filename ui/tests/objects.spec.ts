/** The pages every kind has: lists, objects, forms, YAML; shown with machines and with kinds that have no file. */
import type { Locator, Page } from '@playwright/test'

import { audit, expect, logIn, send, settleIn, test, type Cluster, type World } from './world'

async function enter(page: Page, world: World, machines = '12'): Promise<Cluster> {
  await world.startServer()
  await settleIn(world)
  const harvester = await world.startCluster('paddock', ['--vms', machines])
  await logIn(page, world)
  await world.importCluster(harvester)
  await page.goto(`${world.url}/dashboard/`)
  await page.getByRole('main').getByRole('link', { name: 'paddock' }).click()
  await expect(page.getByRole('heading', { name: 'Capacity' })).toBeVisible()
  return harvester
}
/** As a person does it: everything selected, then typed over. */
async function retype(editor: Locator, text: string): Promise<void> {
  await editor.focus()
  await editor.press('ControlOrMeta+a')
  // Emptied first: text that takes the place of coloured text would get an inline style from the browser itself.
  await editor.press('Delete')
  await editor.page().keyboard.insertText(text)
}

const nav = (page: Page): ReturnType<Page['getByRole']> => page.getByRole('navigation', { name: 'Pages' })

test('machines: the dashboard, the list with its filters as a link, stop and start by keys, an object with its tabs', async ({ page, world }) => {
  await enter(page, world)
  await expect(page.getByRole('main').getByRole('link', { name: 'Virtual Machines 12' })).toBeVisible()
  await audit(page)

  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  await expect(page.getByRole('row')).toHaveCount(13)
  await expect(page.getByRole('columnheader')).toContainText(['', 'State', 'Name', 'Namespace', 'CPU', 'Memory', 'IP Address', 'Node', 'Age', 'Actions'])
  await audit(page)
  await page.getByRole('columnheader', { name: 'Name', exact: true }).getByRole('button').click()
  await expect(page.getByRole('row').nth(1)).toContainText('vm-0012')
  await page.keyboard.press('/')
  await page.keyboard.type('000')
  await expect(page.getByRole('row')).toHaveCount(10)
  await page.getByLabel('State', { exact: true }).selectOption({ label: 'Off' })
  await expect(page.getByRole('heading', { name: 'Nothing matches the filter' })).toBeVisible()
  await audit(page)
  await page.getByLabel('State', { exact: true }).selectOption({ label: 'Running' })
  await page.reload()
  await expect(page.getByLabel('Filter')).toHaveValue('000')
  await expect(page.getByRole('row')).toHaveCount(10)
  await expect(page.getByRole('row').nth(1)).toContainText('vm-0009')

  // Keys alone: two rows selected, stopped, and started again.
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await expect(page.getByRole('toolbar')).toContainText('2 selected')
  await audit(page)
  await page.getByRole('toolbar').getByRole('button', { name: 'Stop' }).press('Enter')
  await expect(page.getByRole('alertdialog', { name: 'Stop 2 virtual machines?' })).toBeVisible()
  await audit(page)
  await page.getByRole('alertdialog').getByRole('button', { name: 'Stop' }).click()
  await page.getByLabel('State', { exact: true }).selectOption({ label: 'Off' })
  await expect(page.getByRole('row')).toHaveCount(3)
  await page.getByRole('link', { name: 'vm-0009' }).focus()
  await page.keyboard.press('.')
  await page.getByRole('menuitem', { name: 'Start' }).press('Enter')
  await expect(page.getByRole('row')).toHaveCount(2)

  await page.getByLabel('State', { exact: true }).selectOption({ label: 'All states' })
  await page.getByRole('link', { name: 'vm-0001' }).click()
  await expect(page.getByRole('heading', { name: 'vm-0001' })).toBeVisible()
  for (const tab of [/Overview/, /Volumes/, /Networks/, /Events/, /YAML/]) {
    await page.getByRole('tab', { name: tab }).click()
    await expect(page.getByRole('tabpanel', { name: tab })).toBeVisible()
    await audit(page)
  }
  await expect(page).toHaveURL(/tab=yaml/)
})

test('any kind has its pages, and YAML is saved after a look at the difference', async ({ page, world }) => {
  const harvester = await enter(page, world, '0')
  await nav(page).getByRole('link', { name: 'All kinds' }).click()
  await page.getByLabel('Filter kinds').fill('storageclasses')
  await audit(page)
  await page.getByRole('main').getByRole('link', { name: 'Storage Classes' }).click()
  await expect(page.getByRole('row').nth(1)).toBeVisible()
  await audit(page)

  await nav(page).getByRole('link', { name: 'All kinds' }).click()
  await page.getByLabel('Filter kinds').fill('configmaps')
  await page.getByRole('main').getByRole('link', { name: 'Config Maps' }).click()
  await page.getByRole('link', { name: 'Create Config Map' }).click()
  const editor = page.getByRole('textbox', { name: 'YAML editor' })
  await retype(editor, 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not A Name\n  namespace: default\ndata:\n  colour: red\n')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'metadata.name' }).first()).toBeVisible()
  await audit(page)
  await retype(editor, 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: barn\n  namespace: default\ndata:\n  colour: red\n  roof: tin\n')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByRole('heading', { name: 'barn' })).toBeVisible()

  await page.keyboard.press('e')
  await expect(editor).toContainText('colour: red')
  await retype(editor, (await editor.innerText()).replace('colour: red', 'colour: green'))
  // Somebody else is faster, elsewhere in the object: both changes are kept.
  const path = `${harvester.url}/api/v1/namespaces/default/configmaps/barn`
  await send('PATCH', path, harvester.token, { data: { roof: 'slate' } }, 'application/merge-patch+json')
  await page.getByRole('button', { name: 'Review changes' }).click()
  await expect(page.getByText('Both changes are in the text now')).toBeVisible()
  await expect(editor).toContainText('roof: slate')
  await page.getByRole('button', { name: 'Review changes' }).click()
  await expect(page.getByRole('textbox', { name: 'Changes' })).toContainText('colour: green')
  await audit(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('heading', { name: 'barn' })).toBeVisible()
  expect((await send('GET', path, harvester.token)).body['data']).toEqual({ colour: 'green', roof: 'slate' })

  // The same place: a choice.
  await page.keyboard.press('e')
  await retype(editor, (await editor.innerText()).replace('colour: green', 'colour: blue'))
  await send('PATCH', path, harvester.token, { data: { colour: 'white' } }, 'application/merge-patch+json')
  await page.getByRole('button', { name: 'Review changes' }).click()
  await expect(page.getByRole('heading', { name: 'Somebody changed the same places meanwhile' })).toBeVisible()
  await audit(page)
  await page.getByRole('group', { name: 'data.colour' }).getByRole('radio', { name: /Yours/ }).check()
  await page.getByRole('button', { name: 'Use this choice' }).click()
  await page.getByRole('button', { name: 'Review changes' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('heading', { name: 'barn' })).toBeVisible()
  expect((await send('GET', path, harvester.token)).body['data']).toEqual({ colour: 'blue', roof: 'slate' })
})

test('a form becomes YAML without losing what was typed, and a new object is watched', async ({ page, world }) => {
  await enter(page, world, '0')
  await nav(page).getByRole('link', { name: /Namespaces/ }).click()
  await page.getByRole('link', { name: 'Create Namespace' }).click()
  await page.getByLabel('Name', { exact: true }).fill('stable')
  await page.getByLabel('Description').fill('For horses')
  await audit(page)
  await page.getByRole('button', { name: 'Edit as YAML' }).click()
  await expect(page.getByRole('textbox', { name: 'YAML editor' })).toContainText('For horses')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByRole('heading', { name: 'stable' })).toBeVisible()
  await expect(page.getByText('Active')).toBeVisible()
  await page.getByRole('button', { name: 'Actions for stable' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('alertdialog').getByRole('textbox').fill('stable')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('heading', { name: 'It does not exist' })).toBeVisible()
  await audit(page)
})
