declare module "@alpinejs/csp" {
  const Alpine: { start(): void; data(name: string, made: () => object): void };
  export default Alpine;
}
