// A completion that the system wants called exactly once, whatever the app does with it.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// Wraps a block that must be called once. Later calls are ignored with a warning; if the last reference goes away without a
/// call, the block is called with the fallback then. Thread-safe.
@interface AUROnce : NSObject
- (instancetype)initWithName:(NSString *)name fallback:(NSUInteger)fallback block:(void (^)(NSUInteger value))block NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;
- (void)callWithValue:(NSUInteger)value;
/// A block that calls; it keeps this object alive.
- (void (^)(NSUInteger))block;
@end

NS_ASSUME_NONNULL_END
