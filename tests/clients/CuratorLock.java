import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.RetryOneTime;

/** Takes a lock as Curator does, says so, and gives it back when it is told to by the end of its input. */
public class CuratorLock {
    public static void main(String[] words) throws Exception {
        String path = words[1], kind = words[2];
        CuratorFramework client = CuratorFrameworkFactory.newClient(words[0], 10_000, 5_000, new RetryOneTime(100));
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
