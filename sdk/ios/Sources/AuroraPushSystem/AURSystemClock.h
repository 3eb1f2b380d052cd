// Clock and background queue of the running process.
#import "AURClock.h"

NS_ASSUME_NONNULL_BEGIN

/// The system's time, with timers on the main run loop.
@interface AURSystemClock : NSObject <AURClock>
@end

/// A serial queue in the background.
@interface AURBackgroundQueue : NSObject <AURQueue>
@end

NS_ASSUME_NONNULL_END
