// What became of a notification on the device; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// The events that are reported.
extern NSString *const AURReceivedEvent; // it reached the device: extension, foreground, background wake, or a tap
extern NSString *const AUROpenedEvent;   // the user tapped it

/// What a push can consist of. Both may come under one message id, and they are counted apart.
extern NSString *const AURNotificationPart;
extern NSString *const AURMessagePart; // the in-app message

/// {"msg_id", "event", "part", "at"} as the server takes it. Aurora counts a receipt once however often it arrives.
typedef NSDictionary<NSString *, NSString *> AURReceipt;

/// Aurora's message id in a notification payload: the top-level member "_j_msgid", a whole number or a string of 1 to 20
/// digits. nil for payloads of other senders.
NSString *_Nullable AURMessageID(NSDictionary *_Nullable payload);

/// A text of 1 to 20 digits, or nil.
NSString *_Nullable AURDigits(NSString *_Nullable text);

AURReceipt *AURMakeReceipt(NSString *messageID, NSString *event, NSString *part, NSDate *at);

/// The receipts of a notification that an event stands for: whoever opened it has received it. Empty for payloads of other senders.
NSArray<AURReceipt *> *AURReceiptsFor(NSString *event, NSDictionary *_Nullable payload, NSDate *at);

/// What identifies a receipt however often it is made.
NSString *AURReceiptKey(AURReceipt *receipt);

/// Whether a value that was read from a file is a receipt.
BOOL AURIsReceipt(id _Nullable value);

NS_ASSUME_NONNULL_END
