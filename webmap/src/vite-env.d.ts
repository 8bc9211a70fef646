/// <reference types="vite/client" />

/** The sprite made by build/pictograms.ts. */
declare module 'virtual:pictograms' {
  const url: string;
  export default url;
}
