// Clock and queues of the running process.
#import "AURClock.h"

NS_ASSUME_NONNULL_BEGIN

/// The system's time, with timers on the main run loop.
@interface AURSystemClock : NSObject <AURClock>
@end

/// A queue of operations as an AURQueue.
@interface AUROperationQueue : NSObject <AURQueue>
/// A new serial queue in the background.
+ (instancetype)background;
/// The main thread.
+ (instancetype)main;
@end

NS_ASSUME_NONNULL_END
