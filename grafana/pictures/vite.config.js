import { defineConfig } from 'vite';

export default defineConfig({
  logLevel: 'error',
  // Relative, so that the built page can be served from anywhere.
  base: './',
  // Libraries for node look for it.
  define: { 'process.env': {}, global: 'globalThis' },
  build: { chunkSizeWarningLimit: 20000 },
  oxc: { jsx: { runtime: 'automatic' } },
});
