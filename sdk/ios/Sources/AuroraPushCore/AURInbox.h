// In-app messages: an open request at the server, one after the other; private to the SDK. Not thread-safe: the client's
// queue owns it.
#import <Foundation/Foundation.h>
#import "AURDeviceAPI.h"

NS_ASSUME_NONNULL_BEGIN

@class AURInbox;

@protocol AURInboxDelegate <NSObject>
/// Who is asking; nil while messages cannot be asked for: not registered, or acknowledgements are still on their way, in whose
/// absence the server would send the same messages again.
- (nullable AURIdentity *)identityForInbox:(AURInbox *)inbox;
/// The server's messages, oldest first. Returns whether any was new.
- (BOOL)inbox:(AURInbox *)inbox received:(NSArray<NSDictionary *> *)messages;
/// A request could not be made or was refused.
- (void)inbox:(AURInbox *)inbox failed:(NSError *)error;
/// The connection stands (YES) or has ended (NO).
- (void)inbox:(AURInbox *)inbox connected:(BOOL)connected;
@end

@interface AURInbox : NSObject
- (instancetype)initWithAPI:(AURDeviceAPI *)api environment:(AUREnvironment *)environment delegate:(id<AURInboxDelegate>)delegate NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;

/// How long the server may hold a request, 10 to 60 s.
@property (nonatomic) NSInteger wait;
/// Whether messages are wanted now: the app is in front, and push is not switched off.
@property (nonatomic, getter=isOpen) BOOL open;

/// Asks if it is time to. Call it whenever something has changed.
- (void)turn;
/// Ends a pause between attempts.
- (void)retry;
@end

NS_ASSUME_NONNULL_END
