/** Every address of the console. Pages are loaded when they are first visited. */
import { watchEffect } from 'vue'
import { createRouter, createWebHistory, START_LOCATION, type RouteLocationNormalized, type RouteRecordRaw } from 'vue-router'

import { loadSession, session } from './core/session'
import { frameData } from './frame/ahead'
import { routeMessages as m } from './route-messages'

declare module 'vue-router' {
  interface RouteMeta {
    /** For people who are not logged in. */
    public?: boolean
    title?: () => string
    /** The entry of the fleet's menu that the page belongs to. */
    nav?: string
  }
}

/** Namespaced and cluster-wide objects have addresses of one shape; this stands for the namespace of the latter. */
export const NO_NAMESPACE = '-'

const framed: RouteRecordRaw[] = [
  { path: '', name: 'home', component: () => import('./pages/home/HomePage.vue'), meta: { title: () => m.home, nav: 'home' } },
  { path: 'clusters', name: 'clusters', component: () => import('./pages/clusters/ClustersPage.vue'), meta: { title: () => m.clusters, nav: 'clusters' } },
  { path: 'clusters/import', name: 'cluster-import', component: () => import('./pages/clusters/ImportPage.vue'), meta: { title: () => m.importCluster, nav: 'clusters' } },
  { path: 'clusters/:id', name: 'cluster-detail', component: () => import('./pages/clusters/ClusterPage.vue'), meta: { title: () => m.cluster, nav: 'clusters' } },
  { path: 'clusters/:id/edit', name: 'cluster-edit', component: () => import('./pages/clusters/ImportPage.vue'), meta: { title: () => m.editCluster, nav: 'clusters' } },
  { path: 'tasks', name: 'tasks', component: () => import('./pages/tasks/TasksPage.vue'), meta: { title: () => m.tasks, nav: 'tasks' } },
  { path: 'settings', name: 'settings', component: () => import('./pages/settings/SettingsPage.vue'), meta: { title: () => m.settings, nav: 'settings' } },
  { path: 'account', name: 'account', component: () => import('./pages/account/AccountPage.vue'), meta: { title: () => m.account } },
  {
    path: 'c/:cluster',
    component: () => import('./pages/scope/ScopeLayout.vue'),
    meta: { nav: 'objects' },
    children: [
      { path: '', name: 'cluster', component: () => import('./pages/scope/DashboardPage.vue'), meta: { title: () => m.dashboard } },
      { path: 'all-kinds', name: 'kinds', component: () => import('./pages/scope/KindsPage.vue'), meta: { title: () => m.kinds } },
      { path: ':resource', name: 'list', component: () => import('./pages/scope/ListPage.vue') },
      { path: ':resource/create', name: 'create', component: () => import('./pages/scope/EditPage.vue') },
      { path: ':resource/:namespace/:name', name: 'object', component: () => import('./pages/scope/ObjectPage.vue') },
      { path: ':resource/:namespace/:name/edit', name: 'edit', component: () => import('./pages/scope/EditPage.vue') },
    ],
  },
  { path: ':rest(.*)*', name: 'not-found', component: () => import('./pages/NotFoundPage.vue'), meta: { title: () => m.notFound } },
]

export const router = createRouter({
  history: createWebHistory('/dashboard/'),
  routes: [
    { path: '/login', name: 'login', component: () => import('./pages/entry/LoginPage.vue'), meta: { public: true, title: () => m.login } },
    { path: '/welcome', name: 'welcome', component: () => import('./pages/entry/WelcomePage.vue'), meta: { title: () => m.welcome } },
    { path: '/', component: () => import('./frame/AppFrame.vue'), children: framed },
  ],
})

router.beforeEach(async (to, from) => {
  if (session.state.value === 'unknown') {
    loadAhead(to)
    try {
      await loadSession()
    } catch {
      // The server cannot be reached: the login page says so and goes on when it can.
      return to.meta.public ? true : { name: 'login', query: { next: to.fullPath } }
    }
  }
  if (session.state.value === 'out') return to.meta.public ? true : { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (session.person.value?.mustChangePassword && to.name !== 'welcome') return { name: 'welcome' }
  if (to.name === 'login') return { name: 'home' }
  if (from === START_LOCATION || from.meta.public) await frameData()
  return true
})

/** Most who come are logged in: the page is on its way while the server is asked. */
function loadAhead(to: RouteLocationNormalized): void {
  for (const { components } of to.matched) {
    const load = components?.['default']
    // One that fails is loaded once more by the router, which tells of it.
    if (typeof load === 'function') void Promise.resolve((load as () => unknown)()).catch(() => {})
  }
}

/** The server was replaced by a newer one while this page was open: its files are gone, the new ones are a reload away. */
router.onError(async (error: unknown, to) => {
  const isMissingFile = error instanceof TypeError && /module/i.test(error.message)
  if (isMissingFile && (await isServerThere())) location.assign(router.resolve(to.fullPath).href)
})

async function isServerThere(): Promise<boolean> {
  try {
    return (await fetch('/ping', { cache: 'no-store' })).ok
  } catch {
    return false
  }
}

/** What the page itself calls its object comes before what its route says. */
export function setTitle(parts: (string | undefined)[]): void {
  document.title = [...parts.filter(Boolean), 'Grange'].join(' · ')
}

watchEffect(() => {
  const { title } = router.currentRoute.value.meta
  if (title) setTitle([title()])
})
