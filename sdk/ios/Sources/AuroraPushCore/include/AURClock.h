// Time and turn-taking.
#import <Foundation/Foundation.h>
#import "AURTransport.h"

NS_ASSUME_NONNULL_BEGIN

/// Runs blocks one after the other, in order.
@protocol AURQueue <NSObject>
- (void)perform:(void (^)(void))block;
@end

/// The main thread, on which apps are called back: blocks run on its run loop, in order, and none before perform: returns.
@interface AURMainQueue : NSObject <AURQueue>
+ (instancetype)shared;
@end

/// Tells the time and wakes up later.
@protocol AURClock <NSObject>
/// The time of day.
- (NSDate *)now;
/// Calls block once after some seconds, on any thread, unless it is cancelled before. Time in which the device sleeps may or
/// may not count.
- (id<AURCancellable>)after:(NSTimeInterval)seconds perform:(void (^)(void))block;
@end

NS_ASSUME_NONNULL_END
