import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.RetryOneTime;

/** Takes a lock as Curator does, prints that, and releases it at the end of its input. */
public class CuratorLock {
    public static void main(String[] args) throws Exception {
        String path = args[1], kind = args[2];
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], 10_000, 5_000, new RetryOneTime(100));
        client.start();
        System.out.println("waits");
        if (kind.equals("semaphore")) {
            InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, path, 2);
            Lease lease = semaphore.acquire();
            untilTold();
            semaphore.returnLease(lease);
        } else {
            InterProcessReadWriteLock both = new InterProcessReadWriteLock(client, path);
            InterProcessMutex lock = kind.equals("mutex") ? new InterProcessMutex(client, path)
                    : kind.equals("read") ? both.readLock() : both.writeLock();
            lock.acquire();
            untilTold();
            lock.release();
        }
        client.close();
    }

    private static void untilTold() throws Exception {
        System.out.println("held");
        while (System.in.read() >= 0) { }
    }
}
