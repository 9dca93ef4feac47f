// Node 20 has no Promise.withResolvers, which node-av asks for: to be imported before it.

Promise.withResolvers ??= () => {
  let resolve;
  let reject;
  const promise = new Promise((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};
